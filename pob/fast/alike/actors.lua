-- Whose modifier stores are. What passive nodes and the player's config say lies in the player's; an enemy and a minion get
-- only what PoB finds there by a question (`EnemyModifier`, `MinionModifier`), as other modifiers. Pure.

local M = {}

---Whether a store is an enemy's or a minion's.
---@param store table
---@return boolean
function M.is_of_another(store)
	local actor = store.actor
	return actor ~= nil and actor.modDB == store and (actor.minionData ~= nil or actor.itemList == nil)
end

---@param store table
---@return boolean
function M.is_of_player(store)
	local actor = store.actor
	return actor ~= nil and actor.modDB == store and actor.minionData == nil and actor.itemList ~= nil
end

return M
