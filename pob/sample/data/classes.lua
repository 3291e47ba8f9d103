-- Classes and ascendancies of the sample engine. The order is the id in saved builds: `classId` counts from 0,
-- `ascendClassId` from 1 (0: none).

---@class (exact) ClassData
---@field name string
---@field start integer node
---@field str integer
---@field dex integer
---@field int integer
---@field ascendancies { name: string, start: integer }[]

---@type ClassData[]
return {
	{ name = 'Marauder', start = 100, str = 32, dex = 14, int = 14,
		ascendancies = { { name = 'Earthshaker', start = 500 }, { name = 'Bloodsworn', start = 510 } } },
	{ name = 'Ranger', start = 200, str = 14, dex = 32, int = 14,
		ascendancies = { { name = 'Windrunner', start = 520 }, { name = 'Thornhunter', start = 530 } } },
	{ name = 'Witch', start = 300, str = 14, dex = 14, int = 32,
		ascendancies = { { name = 'Frostweaver', start = 540 }, { name = 'Hexbinder', start = 550 } } },
}
