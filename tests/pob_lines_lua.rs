//! The parser of modifier lines (`pob/fast/lines.lua`): what it makes of a line is what PoB's own makes of it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "common/chance.rs"]
#[allow(dead_code, reason = "this test needs no more than a number")]
mod chance;
mod pob_places;

use std::path::Path;

use chance::{Chance, seed};
use pob_places::{booted, booted_but, places};

/// Of how many lines that PoB knows each one is parsed. All are 13,000; PoB takes 6 to 12 ms for each.
const STRIDE: usize = 9;

/// Parses lines like those that PoB knows, but new to it: with other numbers, cut short, two at once, none at all. Gives back
/// each and what came of it.
const PARSE: &str = r#"
    local function text_of(value)
        if type(value) ~= "table" then
            return type(value) == "function" and "function" or tostring(value)
        end
        local parts = {}
        for key, inner in pairs(value) do
            parts[#parts + 1] = tostring(key) .. "=" .. text_of(inner)
        end
        table.sort(parts)
        return "{" .. table.concat(parts, " ") .. "}"
    end
    local lines = {}
    for line in pairs(modLib.parseModCache) do
        lines[#lines + 1] = line
    end
    table.sort(lines)
    local found = {}
    for number = FIRST, #lines, STRIDE do
        local line = lines[number]:gsub("%d+", function(digits)
            return tostring(tonumber(digits) + 1)
        end)
        if number % 3 == 0 then
            line = line .. "\n" .. lines[number * 31 % #lines + 1]
        elseif number % 5 == 0 then
            line = line:sub(1, math.ceil(#line / 2))
        elseif number % 7 == 0 then
            line = line:upper() .. " %w [x"
        end
        local mods, rest = modLib.parseMod(line)
        found[#found + 1] = line .. " -> " .. text_of(mods) .. " and " .. tostring(rest)
    end
    for _, line in ipairs({ "", " ", "%", "a", "ab", "[", "1", "+1 to" }) do
        found[#found + 1] = line .. " -> " .. text_of({ modLib.parseMod(line) })
    end
    return table.concat(found, "\0")
"#;

#[test]
fn a_line_is_parsed_as_pob_parses_it() {
    let Some(places) = places() else { return };
    let first = 1 + Chance::new(seed("POBATCH_LINES_SEED")).below(STRIDE);
    let chunk = PARSE.replace("FIRST", &first.to_string()).replace("STRIDE", &STRIDE.to_string());
    let [ours, stock] = [booted(&places), booted_but(&places, &["lines"])].map(|vm| {
        let parsed: String = vm.run(Path::new("parse"), &chunk).unwrap();
        parsed.split('\0').map(str::to_owned).collect::<Vec<_>>()
    });
    assert!(ours.len() > 1000, "{} lines", ours.len());
    assert!(ours.iter().filter(|parsed| parsed.contains("type=")).count() > 500, "hardly any was understood");
    for (ours, stock) in ours.iter().zip(&stock) {
        assert_eq!(ours, stock);
    }
    assert_eq!(ours.len(), stock.len());
}
