//! A build of ours, loaded and evaluated: what an installation is for.

use crate::{
    build::{outcome::StatValue, variation::Variation},
    cli::server::Server,
    client::{Build, ClientError, Named, Request, StatChoice},
};

/// A build without a single choice: a level, a class, and a tree in which nothing is allocated.
const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<PathOfBuilding>
	<Build level="70" targetVersion="3_0" className="Witch" ascendClassName="None" mainSocketGroup="1" viewMode="TREE"/>
	<Skills activeSkillSet="1"><SkillSet id="1"/></Skills>
	<Tree activeSpec="1"><Spec treeVersion="TREE_VERSION" classId="CLASS_ID" ascendClassId="0" nodes=""/></Tree>
	<Items activeItemSet="1"><ItemSet id="1"/></Items>
</PathOfBuilding>
"#;
/// The stat that is looked at: every engine has it, and every level changes it.
const STAT: &str = "Life";
/// A level that the build does not have.
const OTHER_LEVEL: u32 = 90;

/// Loads the build and evaluates three variations of it: the level changed, and before and after that nothing at all.
/// Gives the life that the build has.
///
/// # Errors
/// What is wrong, in words.
pub async fn check(server: &Server) -> Result<f64, String> {
    let Some(tree) = server.engine.tree_versions.last() else { return Err("no passive tree to put it on".to_owned()) };
    // The witch has another id in the sample engine's tree than in the game's.
    let class_id = if server.engine.engine.name == "sample" { "2" } else { "3" };
    let xml = XML.replace("TREE_VERSION", tree).replace("CLASS_ID", class_id);
    let lives = evaluate(server, xml).await.map_err(|error| format!("a build of ours is refused: {error}"))?;
    match lives?[..] {
        [base, before, other, after] if base > 0.0 && before.to_bits() == base.to_bits() && other > base => {
            if after.to_bits() == base.to_bits() {
                Ok(base)
            } else {
                Err(format!("a variation leaves traces: {STAT} was {base} and is {after} afterwards"))
            }
        }
        ref lives => Err(format!("{STAT} makes no sense: {lives:?} for the base, itself, level {OTHER_LEVEL}, itself")),
    }
}

async fn evaluate(server: &Server, xml: String) -> Result<Result<Vec<f64>, String>, ClientError> {
    let request = Request {
        build: Build::Xml(xml),
        stats: StatChoice::Named(vec![STAT.to_owned()]),
        ordered: true,
        strict: false,
        // One by one: the third must find what the second left behind.
        in_flight_max: 1,
        reduction: None,
        scenarios: Vec::new(),
    };
    let levels = [None, Some(OTHER_LEVEL), None];
    let variations =
        levels.map(|level| Named { id: String::new(), variation: Variation { level, ..Variation::default() } });
    let mut evaluation = server.client.evaluate(request, variations).await?;
    let number = |stats: &[(String, StatValue)]| match stats {
        [(_, StatValue::Number(number))] => Ok(*number),
        other => Err(format!("{STAT} is no number: {other:?}")),
    };
    let mut lives = vec![number(&evaluation.header().base_stats)];
    while let Some(outcome) = evaluation.next().await? {
        lives.push(match outcome.result {
            Ok(stats) => number(&stats),
            Err(failure) => Err(format!("a variation of a build of ours fails: {failure}")),
        });
    }
    Ok(lives.into_iter().collect())
}
