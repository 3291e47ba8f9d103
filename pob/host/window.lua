-- The window that is not there: drawing, input and clipboard functions that do nothing or give a fixed answer.

local M = {}

local SCREEN_WIDTH, SCREEN_HEIGHT = 1920, 1080

local function nothing() end

local NO_OPS = {
	"AbortSubScript", "ConClear", "ConExecute", "ConPrintTable", "Copy", "DrawImage", "DrawImageQuad", "DrawString",
	"Exit", "IsKeyDown", "IsSubScriptRunning", "LaunchSubScript", "OpenURL", "Paste", "RemoveDir", "RenderInit",
	"Restart", "SetClearColor", "SetCursorPos", "SetDrawColor", "SetDrawLayer", "SetForeground", "SetProfiling",
	"SetViewport", "SetWindowTitle", "SetWorkDir", "ShowCursor", "SpawnProcess", "TakeScreenshot",
}

---@class ImageHandle
local ImageHandle = {}
ImageHandle.__index = ImageHandle

function ImageHandle:Load()
	self.valid = true
end

function ImageHandle:Unload()
	self.valid = false
end

function ImageHandle:IsValid()
	return self.valid == true
end

function ImageHandle:ImageSize()
	return 1, 1
end

ImageHandle.SetLoadingPriority = nothing

---@param globals table
function M.install(globals)
	for _, name in ipairs(NO_OPS) do
		globals[name] = nothing
	end

	function globals.NewImageHandle()
		return setmetatable({}, ImageHandle)
	end

	function globals.GetScreenSize()
		return SCREEN_WIDTH, SCREEN_HEIGHT
	end

	function globals.GetScreenScale()
		return 1
	end

	function globals.GetCursorPos()
		return 0, 0
	end

	function globals.GetAsyncCount()
		return 0
	end

	function globals.DrawStringWidth()
		return 1
	end

	function globals.DrawStringCursorIndex()
		return 0
	end

	function globals.StripEscapes(text)
		return (text:gsub("%^%d", ""):gsub("%^x%x%x%x%x%x%x", ""))
	end
end

return M
