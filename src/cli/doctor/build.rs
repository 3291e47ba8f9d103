//! A build of ours, loaded and evaluated: what an installation is for.

use crate::{
    build::{
        outcome::{NamedStat, StatValue},
        variation::Variation,
    },
    check::probe::{self, STAT},
    cli::server::Server,
    client::{Build, ClientError, Named, Request, StatChoice},
};

/// Loads the build and evaluates three variations of it: the level changed, and before and after that nothing at all.
/// Gives the life that the build has.
///
/// # Errors
/// What is wrong, in words.
pub async fn check(server: &Server) -> Result<f64, String> {
    let xml = probe::build(&server.engine.engine.kind, &server.engine.tree_versions)?;
    let lives = evaluate(server, xml).await.map_err(|error| format!("a build of ours is refused: {error}"))?;
    match lives?[..] {
        [base, ref levels @ ..] => probe::judge(base, levels),
        [] => Err("a build of ours has no values".to_owned()),
    }
}

async fn evaluate(server: &Server, xml: String) -> Result<Result<Vec<f64>, String>, ClientError> {
    let request = Request {
        stats: StatChoice::Named(vec![STAT.to_owned()]),
        ordered: true,
        // One by one: the third must find what the second left behind.
        in_flight_max: 1,
        ..Request::new(Build::Xml(xml))
    };
    let variations =
        probe::LEVELS.map(|level| Named { id: String::new(), variation: Variation { level, ..Variation::default() } });
    let mut evaluation = server.client.evaluate(request, variations).await?;
    let number = |stats: &[NamedStat]| match stats {
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
