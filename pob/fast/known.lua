-- Hashes of the functions of Path of Building that accelerators replace or rely on (see `source.lua`), and of the one whose
-- work the adapter does itself (`adapter/calculate.lua`). To know those of
-- another version, read what changed in them, mend the accelerator if need be, and add the new hash beside the old.

---Name of a function -> hash -> the version that it was read in.
---@type table<string, table<string, string>>
return {
	["MatchKeywordFlags"] = { ["cbf272c2c05c0fb163a02b01319a9f6d684548d8fb7d553262ead25e52181953"] = "2.55.5" },
	["ModDB.FlagInternal"] = { ["90e54134f24834f2849c816e29e65a37db795d7686d2a07509bc13932279444d"] = "2.55.5" },
	["ModDB.ListInternal"] = { ["c03a904951fd1f26a3991702e488599832c5ccec69654f83603a663268e26f27"] = "2.55.5" },
	["ModDB.MoreInternal"] = { ["d7174abdb213eecfac81ab73aa343cce27209f524fad1a7d1733acfbfa09be64"] = "2.55.5" },
	["ModDB.OverrideInternal"] = { ["5b94b0e6f5ac9aeb5c1b87d00cf3f41e3386ed0b60fe36f0dc8b0910e18cc1fc"] = "2.55.5" },
	["ModDB.SumInternal"] = { ["b3c8dfb5c19cab2df400964c21592f74040c9343b1f3cedaed1f26fdd40c46a2"] = "2.55.5" },
	["ModDB.TabulateInternal"] = { ["8fe82596c0bb8d8cafd5b94be6ea3f002b1ea9cf0ac319f09ebaa33c9b20cbca"] = "2.55.5" },
	["ModDB._constructor"] = { ["395bdef85af9a8c65d3ad93b55f36875572b39ad38608242a5f2f185ec4ef992"] = "2.55.5" },
	["ModList.FlagInternal"] = { ["697bb8049f3b5b9c8875c2f77c7eacb53de0bc160b1a37ee5e9449044719c9f1"] = "2.55.5" },
	["ModList.ListInternal"] = { ["b968fbcb0acfeb3b8e9dd68c34be4166680577ffaa7e0905180561130d21726f"] = "2.55.5" },
	["ModList.MoreInternal"] = { ["fe4b1c7ed54dcf9b93b3e27282a11eef8c49641ba6d9c243d129566060b8e8e6"] = "2.55.5" },
	["ModList.OverrideInternal"] = { ["37d892c35cea00e1675dbc648ab7ff21ad014bcc9571d87da4a46044ae032281"] = "2.55.5" },
	["ModList.SumInternal"] = { ["bcbc15cc56a5b2a03ba27852c4dd00d901788b280205650946750e1e0b30edbe"] = "2.55.5" },
	["ModList.TabulateInternal"] = { ["8ac2192f89c2b5d4be56968c06f98e9629fd18b945c9d0188f4500b34f4612cd"] = "2.55.5" },
	["ModList._constructor"] = { ["486a61c963cd67e24665670b896518e9b7d4469c21d5acc0544052513041e1cd"] = "2.55.5" },
	["ModStore.EvalMod"] = { ["fb53a57f092c228ddc9abe2aa62f5b2c4e73ad447e00b3596643d811f94a4a56"] = "2.55.5" },
	["ModStore.Flag"] = { ["25dda45d2bd2b0337a943841cdc9cb51b59f5ccee4f69816c89e635e35d3fb53"] = "2.55.5" },
	["ModStore.List"] = { ["fe87e4939f685408eb9feaa67e9cbedc8293f117450c6d559e8532e2838bb40e"] = "2.55.5" },
	["ModStore.More"] = { ["f4f4189e5db552b43552f771d10ee37d2774a58113854e6c27b1884b34e938e5"] = "2.55.5" },
	["ModStore.NewMod"] = { ["18ce657190ddb1cbab624655b07f30e6ad9b28b036978f5ce0303a4d2aacfe87"] = "2.55.5" },
	["ModStore.Override"] = { ["6f162882d1ac48df8024cc33c9853f8f21aad18e7b5a212b5e1bb807b8523c80"] = "2.55.5" },
	["ModStore.Sum"] = { ["927a6df6dede93c942b6bed5998025c9935042c92c008bd4007d2c4138ab7eba"] = "2.55.5" },
	["ModStore.Tabulate"] = { ["e66484bbcbe50f988d5362e00aaffdbd8f1a976432a46d8f6716c505edc02cb6"] = "2.55.5" },
	["ModStore._constructor"] = { ["f01cb6300c2b7ddbec6edec4f29ad6b6e64486d4865bdf921f5860d81326fa63"] = "2.55.5" },
	["calcLib.mod"] = { ["4323d91a8e96b09b5d30067b7fa51ee458b44a93d899d3f9b2523ddb06c5695c"] = "2.55.5" },
	["calcLib.mods"] = { ["ff30d7cb5bb4122b9ea70aeaec7705a1d219ff907f7850b2f9740254156fe3fb"] = "2.55.5" },
	["calcs.buildModListForNode"] = { ["239fe74da66d6032bc2b6809d8590c7d7ff026d0b6a1f5647d58bfb3c2e841d0"] = "2.55.5" },
	["calcs.buildModListForNodeList"] = { ["19b1d6d992eff46c74134d7a71beda6d7154b8ca5505cb5933897db33d34eb4b"] = "2.55.5" },
	["calcs.buildOutput"] = { ["a795f06bdc960699bcc4862a9e7ebbaf5f1c2fd48e4c97422d0ef43c7c196cbc"] = "2.55.5", ["63f5ab0820ae4eb487e12e3b18392c27344e36e75788476fb458907cc421b4d1"] = "2.60.0" },
	["calcs.calcFullDPS"] = { ["182d17e8e9a0da8addc50803b7dc064b56cd4d0561c34dea042a10fdcd31bfe3"] = "2.55.5" },
	["calcs.initEnv"] = { ["94f2911dee70914d3477e5fb782b444efccd0d50eb6381ab3b7ef2dff256d61f"] = "2.55.5" },
	["calcs.initModDB"] = { ["e7fb5d1dd9286c79791b848f60e1abccaf10f49fe966c5eb5110846a0b1dcc40"] = "2.55.5" },
	["modLib.createMod"] = { ["80d45e87be6138f40d67467da646cdf70ba2f39031ba664c46a1815403b100cd"] = "2.55.5" },
	["new"] = { ["f3e8cd16211f26ab236d27e56be46cf694a57955d15e6af7d9b6866cafbd5810"] = "2.55.5" },
	["specCopy"] = { ["e03e16696e5c8528de9df77d40756e5fd4c49f695fad920cb2fb30c6fceb7dfa"] = "2.55.5" },
}
