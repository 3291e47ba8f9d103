//! Each bound that a call as a whole meets, at its edge and one above, over loopback. Whatever is refused, the same
//! connection serves the next call. Bounds within a variation have their edges tested in `build/validate.rs`.

use prost::Message as _;

use super::*;
use crate::build::limits::Limit;

fn batch(base: v1::Base, variations: Vec<v1::Variation>) -> v1::EvaluateBatchRequest {
    v1::EvaluateBatchRequest { base: Some(base), variations, stats: None, ..Default::default() }
}

/// A build of that many bytes.
fn build(size: usize) -> String {
    XML.replace("/>", &format!("{}/>", " ".repeat(size - XML.len())))
}

impl Front {
    async fn outcomes(&self, request: v1::EvaluateBatchRequest) -> Result<Vec<v1::Outcome>, Status> {
        let mut answer = self.evaluation().evaluate_batch(request).await?.into_inner();
        let mut outcomes = Vec::new();
        while let Some(event) = answer.message().await? {
            if let Some(evaluate_batch_response::Response::Outcome(outcome)) = event.response {
                outcomes.push(outcome);
            }
        }
        outcomes.sort_by_key(|outcome| outcome.index);
        Ok(outcomes)
    }

    /// The request at the edge is served, the one above is not, and then the first is served again.
    async fn edge(&self, request: impl Fn(usize) -> v1::EvaluateBatchRequest, most: usize) -> Status {
        assert!(!self.outcomes(request(most)).await.unwrap().is_empty());
        let status = self.outcomes(request(most + 1)).await.unwrap_err();
        assert!(!self.outcomes(request(most)).await.unwrap().is_empty());
        status
    }
}

#[track_caller]
fn assert_limit(status: &Status, limit: Limit, most: usize, at: &str) {
    assert_status(status, Code::InvalidArgument, "LIMIT_EXCEEDED");
    assert_eq!(field(status), at);
    assert!(status.message().contains(limit.flag()), "{status}");
    let details = status.get_error_details();
    let metadata = &details.error_info().unwrap().metadata;
    assert_eq!(metadata["limit"], limit.flag());
    assert_eq!((metadata["max"].clone(), metadata["actual"].clone()), (most.to_string(), (most + 1).to_string()));
}

#[tokio::test]
async fn a_message_of_the_greatest_size_is_taken_and_a_larger_one_is_out_of_range() {
    let request_size = 4 << 10;
    let front = Front::within(Limits { request_size, ..Limits::default() }).await;
    let request = |bytes: usize| {
        let request = |size| batch(xml(&build(size)), vec![variation(1)]);
        let rest = request(1 << 10).encoded_len() - (1 << 10);
        let request = request(bytes - rest);
        assert_eq!(request.encoded_len(), bytes);
        request
    };
    let status = front.edge(request, request_size).await;
    // Tonic says this by itself, before any code of ours runs.
    assert_eq!(status.code(), Code::OutOfRange);
    assert!(status.message().contains("4097") && status.message().contains("4096"), "{status}");
}

#[tokio::test]
async fn a_message_that_is_too_large_within_a_session_names_the_limit() {
    use evaluate_stream_request::Request as In;
    let front = Front::within(Limits { request_size: 4 << 10, ..Limits::default() }).await;
    let start = In::Start(v1::EvaluateStreamStart { base: Some(xml(XML)), ..Default::default() });
    let large = v1::Variation { custom_mods: Some("x".repeat(4 << 10)), ..Default::default() };
    let requests = [start, In::Variation(variation(1)), In::Variation(large)];
    let requests = tokio_stream::iter(requests).map(|request| v1::EvaluateStreamRequest { request: Some(request) });
    let answer = front.evaluation().evaluate_stream(requests).await.unwrap().into_inner();
    let events: Vec<_> = answer.collect().await;
    let status = events.into_iter().find_map(Result::err).expect("the call fails");
    assert_status(&status, Code::OutOfRange, "LIMIT_EXCEEDED");
    assert_eq!(status.get_error_details().error_info().unwrap().metadata["limit"], "--request-size-max");
    assert_eq!(front.outcomes(batch(xml(XML), vec![variation(1)])).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_weighs_decoded_what_the_limit_says_and_no_more() {
    let front = Front::within(Limits { decoded_size: 1 << 20, ..Limits::default() }).await;
    let with = |gems: usize| {
        let gems = vec![v1::GemChange::default(); gems];
        batch(xml(XML), vec![v1::Variation { gems, ..Default::default() }])
    };
    assert_eq!(front.outcomes(with(1000)).await.unwrap().len(), 1);
    assert_limit(&front.outcomes(with(100_000)).await.unwrap_err(), Limit::DecodedSize, 1 << 20, "variations");
    assert_eq!(front.outcomes(with(1000)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_of_a_session_that_would_take_too_much_memory_ends_it_by_name() {
    use evaluate_stream_request::Request as In;
    let front = Front::within(Limits { decoded_size: 1 << 20, ..Limits::default() }).await;
    let start = In::Start(v1::EvaluateStreamStart { base: Some(xml(XML)), ..Default::default() });
    let large = v1::Variation { gems: vec![v1::GemChange::default(); 100_000], ..Default::default() };
    let requests = [start, In::Variation(variation(1)), In::Variation(large)];
    let requests = tokio_stream::iter(requests).map(|request| v1::EvaluateStreamRequest { request: Some(request) });
    let answer = front.evaluation().evaluate_stream(requests).await.unwrap().into_inner();
    let events: Vec<_> = answer.collect().await;
    let status = events.into_iter().find_map(Result::err).expect("the call fails");
    assert_limit(&status, Limit::DecodedSize, 1 << 20, "variation");
}

#[tokio::test]
async fn an_answer_that_is_too_large_fails_its_own_call_only() {
    let stats = |names: &[&str]| {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Some(v1::StatSelection { names, preset: 0 })
    };
    let request = |names| v1::EvaluateBatchRequest { stats: stats(names), ..batch(xml(XML), vec![variation(1)]) };
    let probe = Front::start().await;
    let mut answer = probe.evaluation().evaluate_batch(request(&["Level"])).await.unwrap().into_inner();
    let response_size = answer.message().await.unwrap().unwrap().encoded_len();

    let front = Front::within(Limits { response_size, ..Limits::default() }).await;
    assert_eq!(front.outcomes(request(&["Level"])).await.unwrap().len(), 1);
    assert_eq!(front.outcomes(request(&["Level", "Mana"])).await.unwrap_err().code(), Code::OutOfRange);
    assert_eq!(front.outcomes(request(&["Level"])).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_batch_has_as_many_variations_as_the_limit_says_and_no_more() {
    let front = Front::within(Limits { batch: 3, ..Limits::default() }).await;
    let request = |count| batch(xml(XML), vec![variation(1); count]);
    assert_limit(&front.edge(request, 3).await, Limit::Batch, 3, "variations");
}

#[tokio::test]
async fn a_base_is_bounded_as_xml_and_as_share_code() {
    let most = 300;
    let front = Front::within(Limits { xml_size: most, ..Limits::default() }).await;
    let as_xml = |size| batch(xml(&build(size)), vec![variation(1)]);
    assert_limit(&front.edge(as_xml, most).await, Limit::XmlSize, most, "base.xml");

    let share_code = |code: String| {
        let base = v1::Base { build: Some(v1::base::Build::ShareCode(code)), engine: String::new() };
        batch(base, vec![variation(1)])
    };
    let inflated = |size| share_code(code::encode(&build(size)));
    assert_limit(&front.edge(inflated, most).await, Limit::XmlSize, most, "base.share_code");

    let code = code::encode(XML);
    let most = code.len();
    let front = Front::within(Limits { share_code_size: most, ..Limits::default() }).await;
    let padded = |size: usize| share_code(format!("{}{code}", " ".repeat(size - most)));
    assert_limit(&front.edge(padded, most).await, Limit::ShareCodeSize, most, "base.share_code");
}

#[tokio::test]
async fn a_selection_has_as_many_stats_as_the_limit_says_and_no_more() {
    let front = Front::within(Limits { stats: 1, ..Limits::default() }).await;
    let request = |count: usize| {
        let names = ["Level", "Mana"].into_iter().take(count).map(str::to_owned).collect();
        let stats = Some(v1::StatSelection { names, preset: 0 });
        v1::EvaluateBatchRequest { stats, ..batch(xml(XML), vec![variation(1)]) }
    };
    assert_limit(&front.edge(request, 1).await, Limit::Stats, 1, "stats.names");
}

#[tokio::test]
async fn a_variation_beyond_a_limit_fails_beside_its_neighbours() {
    let bomb = code::encode(&"a".repeat(9 << 20));
    let content = Some(v1::build::Content::ShareCode(bomb));
    let build = v1::Variation { build: Some(v1::Build { content }), ..Default::default() };
    let id = v1::Variation { id: "i".repeat(1 << 20), ..Default::default() };
    let list = v1::Variation { allocate: (0..=5_000).collect(), ..Default::default() };
    let front = Front::start().await;
    let variations = vec![variation(1), build, variation(2), id, list, variation(3)];
    let outcomes = front.outcomes(batch(xml(XML), variations)).await.unwrap();
    let failures: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match &outcome.result {
            Some(outcome::Result::Failure(failure)) => {
                assert_eq!(failure.reason(), v1::FailureReason::LimitExceeded);
                let flag = Limit::ALL.iter().map(|limit| limit.flag()).find(|flag| failure.message.contains(flag));
                Some((outcome.index, failure.field_path.as_str(), flag.unwrap()))
            }
            _ => None,
        })
        .collect();
    let expected = [(1, "build", "--xml-size-max"), (3, "id", "--name-size-max"), (4, "allocate", "--nodes-max")];
    assert_eq!(failures, expected);
    assert!(outcomes[3].variation_id.len() < 300, "an answer does not repeat a megabyte");
    for (index, level) in [(0, 1.0), (2, 2.0), (5, 3.0)] {
        assert_eq!(values(&outcomes[index]), [level]);
    }
}

#[tokio::test]
async fn a_call_with_too_much_metadata_fails_alone() {
    let front = Front::within(Limits { metadata_size: 4 << 10, ..Limits::default() }).await;
    let call = async |bytes: usize| {
        let mut request = Request::new(v1::EvaluateRequest { base: Some(xml(XML)), ..Default::default() });
        request.metadata_mut().insert("x-request-id", "x".repeat(bytes).parse().unwrap());
        front.evaluation().evaluate(request).await.map(|_| ())
    };
    // Nobody minds a request id that is too long for the log.
    call(3 << 10).await.unwrap();
    // The transport answers by itself: HTTP's 431, which is no gRPC status.
    let status = call(4 << 10).await.unwrap_err();
    assert!(status.message().contains("431"), "{status}");
    call(3 << 10).await.unwrap();
}
