//! How reports are read: what was read together is told together, and nothing out of turn passes for an outcome.

use std::io::Write as _;

use super::*;
use crate::wire::encode;

/// The server's end of a socket on which these reports lie, and the other end.
fn after(reports: impl IntoIterator<Item = Report>) -> (Connection, std::os::unix::net::UnixStream) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut bytes = Vec::new();
    for report in reports {
        encode(&report, &mut bytes).unwrap();
    }
    (&theirs).write_all(&bytes).unwrap();
    ours.set_nonblocking(true).unwrap();
    (Connection::new(tokio::net::UnixStream::from_std(ours).unwrap()), theirs)
}

fn outcome() -> report::Report {
    report::Report::Outcome(Outcome::default())
}

fn done() -> report::Report {
    report::Report::AssignmentDone(AssignmentDone::default())
}

/// What is gathered of an assignment of three variations.
async fn gathered(
    reports: impl IntoIterator<Item = report::Report>,
) -> (usize, Option<Result<report::Report, WireError>>) {
    gathered_of(reports.into_iter().map(|report| Report { report: Some(report) })).await
}

async fn gathered_of(reports: impl IntoIterator<Item = Report>) -> (usize, Option<Result<report::Report, WireError>>) {
    let (mut connection, _theirs) = after(reports);
    let now = Instant::now();
    let first = receive_from(now, &mut connection).await;
    let (outcomes, end) = gather(first, &mut connection, &mut Pace::new(3, now.into_std()));
    (outcomes.len(), end)
}

#[tokio::test]
async fn outcomes_that_lie_there_are_taken_together_with_the_end() {
    assert!(matches!(gathered([outcome(), outcome()]).await, (2, None)));
    let (count, end) = gathered([outcome(), outcome(), outcome(), done()]).await;
    assert!(count == 3 && matches!(end, Some(Ok(report::Report::AssignmentDone(_)))));
}

#[tokio::test]
async fn more_outcomes_than_variations_are_out_of_turn() {
    let (count, end) = gathered([outcome(), outcome(), outcome(), outcome()]).await;
    assert!(count == 3 && matches!(end, Some(Ok(report::Report::Outcome(_)))));
}

#[tokio::test]
async fn a_report_that_says_nothing_is_out_of_turn() {
    let reports = [Some(outcome()), None, Some(outcome())].map(|report| Report { report });
    assert!(matches!(gathered_of(reports).await, (1, Some(Err(WireError::OutOfTurn(_))))));
}

#[tokio::test(start_paused = true)]
async fn the_socket_is_left_alone_until_its_moment() {
    let (mut connection, _theirs) = after([(); 2].map(|()| Report { report: Some(outcome()) }));
    let later = Instant::now() + Duration::from_millis(20);
    receive_from(later, &mut connection).await.unwrap();
    assert!(Instant::now() >= later, "looked too early");
    let never = later + Duration::from_secs(3600);
    receive_from(never, &mut connection).await.unwrap();
    assert!(Instant::now() < never, "waited for what had been read already");
}
