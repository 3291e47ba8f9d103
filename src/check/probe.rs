//! A build of ours, and what must come of it: any engine must load and evaluate it.

/// The stat that is looked at: every engine has it, and every level changes it.
pub const STAT: &str = "Life";

/// Levels that are evaluated one after the other; `None` is the build's own. The third must find what the second left.
pub const LEVELS: [Option<u32>; 3] = [None, Some(OTHER_LEVEL), None];

/// A level that the build does not have.
const OTHER_LEVEL: u32 = 90;

/// A build without a single choice: a level, a class, and a tree in which nothing is allocated.
const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<PathOfBuilding>
	<Build level="70" targetVersion="3_0" className="Witch" ascendClassName="None" mainSocketGroup="1" viewMode="TREE"/>
	<Skills activeSkillSet="1"><SkillSet id="1"/></Skills>
	<Tree activeSpec="1"><Spec treeVersion="TREE_VERSION" classId="CLASS_ID" ascendClassId="0" nodes=""/></Tree>
	<Items activeItemSet="1"><ItemSet id="1"/></Items>
</PathOfBuilding>
"#;

/// The build for an engine of that kind, on the newest of its trees.
///
/// # Errors
/// In words, if it has none.
pub fn build(kind: &str, tree_versions: &[String]) -> Result<String, String> {
    let tree = tree_versions.last().ok_or("no passive tree to put it on")?;
    // The witch has another id in the sample engine's tree than in the game's.
    let class_id = if kind == "sample" { "2" } else { "3" };
    Ok(XML.replace("TREE_VERSION", tree).replace("CLASS_ID", class_id))
}

/// Judges what came: the stat of the build itself, and at each of [`LEVELS`]. Gives that of the build.
///
/// # Errors
/// What is wrong, in words.
pub fn judge(base: f64, levels: &[f64]) -> Result<f64, String> {
    match *levels {
        [before, other, after] if base > 0.0 && before.to_bits() == base.to_bits() && other > base => {
            if after.to_bits() == base.to_bits() {
                Ok(base)
            } else {
                Err(format!("a variation leaves traces: {STAT} was {base} and is {after} afterwards"))
            }
        }
        _ => Err(format!(
            "{STAT} makes no sense: {base} for the build, {levels:?} for itself, level {OTHER_LEVEL}, itself"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_must_count_and_leave_nothing_behind() {
        assert_eq!(judge(100.0, &[100.0, 120.0, 100.0]), Ok(100.0));
        for wrong in [&[100.0, 100.0, 100.0][..], &[101.0, 120.0, 100.0], &[100.0, 120.0], &[]] {
            assert!(judge(100.0, wrong).unwrap_err().contains("makes no sense"), "{wrong:?}");
        }
        assert!(judge(0.0, &[0.0, 1.0, 0.0]).is_err());
        assert!(judge(100.0, &[100.0, 120.0, 120.0]).unwrap_err().contains("leaves traces"));
    }

    #[test]
    fn the_build_is_put_on_the_newest_tree() {
        let trees = ["3_20".to_owned(), "3_26".to_owned()];
        assert!(build("pob", &trees).unwrap().contains(r#"treeVersion="3_26" classId="3""#));
        assert!(build("pob", &[]).is_err());
    }
}
