//! One evaluation: variations go out as there is room for them, outcomes come in.
//!
//! Everything happens within [`Evaluation::next`], so there is no task to look after. Variations are put into a channel
//! that has room for all that may be in flight, hence sending never waits, and an evaluation that nobody asks for
//! outcomes sends nothing.

use std::{pin::Pin, time::Duration};

use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::{Status, transport::Channel};

use super::{ClientError, EngineInfo, Named, Reduction, Request, Sweep};
use crate::{
    build::{
        outcome::{ComputePath, Failure, StatValue, Warning},
        scenario::Scenario,
    },
    grpc::convert::{failure_from_proto, stats_from_proto, variation_to_proto, warning_from_proto},
    proto::v1::{
        self, EvaluateStreamRequest, EvaluateStreamStart, evaluate_stream_request, evaluate_stream_response,
        evaluate_sweep_response, evaluation_service_client::EvaluationServiceClient, outcome, scenario_result,
    },
};

/// What all outcomes refer to.
#[derive(Clone, Debug)]
pub struct Header {
    /// Name of the base.
    pub base_id: String,
    /// The engine that computes.
    pub engine: EngineInfo,
    /// Names of the selected stats.
    pub stats: Vec<String>,
    /// The base's own values.
    pub base_stats: Vec<(String, StatValue)>,
    /// What is odd about the base.
    pub base_warnings: Vec<Warning>,
    /// The base under each scenario, in the order of the request.
    pub scenarios: Vec<ScenarioBase>,
}

/// The base under a scenario.
#[derive(Clone, Debug)]
pub struct ScenarioBase {
    /// The scenario's name.
    pub name: String,
    /// The base's values under it.
    pub stats: Vec<(String, StatValue)>,
    /// What is to be known of it.
    pub warnings: Vec<Warning>,
}

/// What came of a variation under a scenario.
#[derive(Clone, Debug)]
pub struct ScenarioResult {
    /// Values, or why there are none.
    pub result: Result<Vec<(String, StatValue)>, Failure>,
    /// What else is to be known.
    pub warnings: Vec<Warning>,
}

/// The outcome of a variation.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The client's name for the variation.
    pub id: String,
    /// Its place among those sent.
    pub index: u64,
    /// Values, or why there are none. With scenarios: no values, or why there are none under the first of them that failed.
    pub result: Result<Vec<(String, StatValue)>, Failure>,
    /// What came of it under each scenario, in the order of the request.
    pub scenarios: Vec<ScenarioResult>,
    /// What else is to be known.
    pub warnings: Vec<Warning>,
    /// Time in the queue.
    pub queue: Duration,
    /// Time of the computation.
    pub compute: Duration,
    /// How it was computed.
    pub path: ComputePath,
    /// The shard and its generation, if one computed it.
    pub shard: Option<(u32, u64)>,
    /// With a reduction: what its objectives measured.
    pub scores: Vec<f64>,
}

/// What became of the whole.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Outcomes with values.
    pub succeeded: u64,
    /// Outcomes with a failure.
    pub failed: u64,
    /// Outcomes with warnings.
    pub warned: u64,
    /// Times that outcomes moved to a newer generation of a shard.
    pub resets: u64,
    /// From the call's arrival to its end, as the server measured it.
    pub elapsed: Duration,
    /// With a reduction: outcomes that broke a constraint or had no score.
    pub infeasible: u64,
    /// It was enough before all variations were answered.
    pub stopped_early: bool,
    /// The Pareto front had no room for all of its members.
    pub front_truncated: bool,
}

/// The answer's messages; those of a sweep look like those of a session.
type Inbound = Pin<Box<dyn Stream<Item = Result<v1::EvaluateStreamResponse, Status>> + Send>>;

/// A running evaluation.
pub struct Evaluation<I> {
    header: Header,
    layout: Vec<v1::ResolvedStat>,
    outbound: Option<mpsc::Sender<EvaluateStreamRequest>>,
    inbound: Inbound,
    variations: I,
    in_flight: usize,
    in_flight_max: usize,
    /// Not every variation has an outcome, so that only the server bounds what is in flight.
    reduced: bool,
    summary: Option<Summary>,
}

impl<I: Iterator<Item = Named>> Evaluation<I> {
    pub(super) async fn start(
        mut client: EvaluationServiceClient<Channel>,
        request: Request,
        variations: I,
    ) -> Result<Self, ClientError> {
        let (in_flight_max, reduced) = (request.in_flight_max.max(1), request.reduction.is_some());
        let options = v1::EvaluationOptions {
            ordered: request.ordered,
            strict: request.strict,
            ..v1::EvaluationOptions::default()
        };
        let start = EvaluateStreamStart {
            base: Some(request.build.into_proto()),
            stats: Some(request.stats.into_proto()),
            options: Some(options),
            reduction: request.reduction.map(Reduction::into_proto),
            scenarios: request.scenarios.iter().map(scenario).collect(),
        };
        // One more than may be in flight: the start is among them.
        let (outbound, requests) = mpsc::channel(in_flight_max + 1);
        let start = EvaluateStreamRequest { request: Some(evaluate_stream_request::Request::Start(start)) };
        outbound.try_send(start).map_err(|_| ClientError::Protocol("no room for the first message"))?;
        let inbound = Box::pin(client.evaluate_stream(ReceiverStream::new(requests)).await?.into_inner());
        Self::begin(inbound, Some(outbound), variations, in_flight_max, reduced).await
    }

    /// Reads the header.
    async fn begin(
        mut inbound: Inbound,
        outbound: Option<mpsc::Sender<EvaluateStreamRequest>>,
        variations: I,
        in_flight_max: usize,
        reduced: bool,
    ) -> Result<Self, ClientError> {
        let first = inbound.next().await.transpose()?.and_then(|message| message.response);
        let Some(evaluate_stream_response::Response::Header(header)) = first else {
            return Err(ClientError::Protocol("the first message is no header"));
        };
        let base_stats = stats_from_proto(&header.stats, &header.base_stats.unwrap_or_default());
        Ok(Self {
            header: Header {
                base_id: header.base_id,
                engine: EngineInfo::from_proto(header.engine.unwrap_or_default()),
                stats: header.stats.iter().map(|stat| stat.name.clone()).collect(),
                base_stats,
                base_warnings: header.base_warnings.into_iter().map(warning_from_proto).collect(),
                scenarios: header
                    .scenarios
                    .into_iter()
                    .map(|scenario| ScenarioBase {
                        stats: stats_from_proto(&header.stats, &scenario.base_stats.unwrap_or_default()),
                        name: scenario.name,
                        warnings: scenario.warnings.into_iter().map(warning_from_proto).collect(),
                    })
                    .collect(),
            },
            layout: header.stats,
            outbound,
            inbound,
            variations,
            in_flight: 0,
            in_flight_max,
            reduced,
            summary: None,
        })
    }

    /// What all outcomes refer to.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next outcome; `None` when all are there. Cancel safe.
    ///
    /// # Errors
    /// [`ClientError::Call`] if the call ended early; what is left has no outcome then.
    pub async fn next(&mut self) -> Result<Option<Outcome>, ClientError> {
        if self.summary.is_some() {
            return Ok(None);
        }
        let message = loop {
            if !self.reduced {
                self.send();
                break self.inbound.next().await.transpose()?;
            }
            // Both are cancel safe, and the order does not matter: the server bounds both.
            let outbound = self.outbound.clone();
            tokio::select! {
                permit = async { outbound.as_ref()?.reserve().await.ok() }, if outbound.is_some() => {
                    let next = permit.and_then(|permit| Some((permit, self.variations.next()?)));
                    match next {
                        Some((permit, named)) => permit.send(message(named)),
                        // No more, or the call is over, and reading will tell why.
                        None => self.outbound = None,
                    }
                }
                message = self.inbound.next() => break message.transpose()?,
            }
        };
        let message = message.ok_or(ClientError::Protocol("the stream ended without a summary"))?;
        match message.response {
            Some(evaluate_stream_response::Response::Outcome(message)) => {
                self.in_flight = self.in_flight.saturating_sub(1);
                outcome(&self.layout, message).map(Some)
            }
            Some(evaluate_stream_response::Response::Summary(message)) => {
                // A server that drains sums up, and then says that it did not read everything.
                if self.inbound.next().await.transpose()?.is_some() {
                    return Err(ClientError::Protocol("a message behind the summary"));
                }
                self.summary = Some(summary(&message));
                Ok(None)
            }
            Some(evaluate_stream_response::Response::Header(_)) | None => {
                Err(ClientError::Protocol("a message out of turn"))
            }
        }
    }

    /// What became of the whole, once [`Self::next`] has said `None`.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Sends what there is room for, and says so when nothing is left.
    fn send(&mut self) {
        while self.in_flight < self.in_flight_max {
            let Some(outbound) = &self.outbound else { return };
            let Some(named) = self.variations.next() else {
                self.outbound = None;
                return;
            };
            if outbound.try_send(message(named)).is_err() {
                // The call is over, and reading will tell why.
                self.outbound = None;
                return;
            }
            self.in_flight += 1;
        }
    }
}

impl Evaluation<std::iter::Empty<Named>> {
    pub(super) async fn sweep(
        mut client: EvaluationServiceClient<Channel>,
        request: Request,
        sweeps: Vec<Sweep>,
    ) -> Result<Self, ClientError> {
        let options = v1::EvaluationOptions { ordered: request.ordered, strict: request.strict, ..Default::default() };
        let sweep = v1::EvaluateSweepRequest {
            base: Some(request.build.into_proto()),
            sweeps: sweeps.into_iter().map(Sweep::into_proto).collect(),
            stats: Some(request.stats.into_proto()),
            options: Some(options),
            reduction: request.reduction.map(Reduction::into_proto),
            scenarios: request.scenarios.iter().map(scenario).collect(),
        };
        let as_session = |message: Result<v1::EvaluateSweepResponse, Status>| {
            use evaluate_stream_response::Response as Session;
            use evaluate_sweep_response::Response as Swept;
            let response = message?.response.map(|response| match response {
                Swept::Header(header) => Session::Header(header),
                Swept::Outcome(outcome) => Session::Outcome(outcome),
                Swept::Summary(summary) => Session::Summary(summary),
            });
            Ok(v1::EvaluateStreamResponse { response })
        };
        let inbound = Box::pin(client.evaluate_sweep(sweep).await?.into_inner().map(as_session));
        Self::begin(inbound, None, std::iter::empty(), request.in_flight_max, false).await
    }
}

fn message(Named { id, variation }: Named) -> EvaluateStreamRequest {
    let variation = variation_to_proto(id, &variation);
    EvaluateStreamRequest { request: Some(evaluate_stream_request::Request::Variation(variation)) }
}

fn outcome(layout: &[v1::ResolvedStat], message: v1::Outcome) -> Result<Outcome, ClientError> {
    let path = match message.path() {
        v1::ComputePath::Fast => ComputePath::Fast,
        v1::ComputePath::Plain => ComputePath::Plain,
        v1::ComputePath::Cached => ComputePath::Cached,
        v1::ComputePath::None | v1::ComputePath::Unspecified => ComputePath::None,
    };
    let scenarios: Option<Vec<_>> =
        message.scenarios.into_iter().map(|message| scenario_result(layout, message)).collect();
    let scenarios = scenarios.ok_or(ClientError::Protocol("a scenario without a result"))?;
    let result = match message.result {
        Some(outcome::Result::Stats(stats)) => Ok(stats_from_proto(layout, &stats)),
        Some(outcome::Result::Failure(failure)) => Err(failure_from_proto(failure)),
        None if scenarios.is_empty() => return Err(ClientError::Protocol("an outcome without a result")),
        None => scenarios.iter().find_map(|of| of.result.clone().err()).map_or(Ok(Vec::new()), Err),
    };
    Ok(Outcome {
        id: message.variation_id,
        index: message.index,
        result,
        scenarios,
        warnings: message.warnings.into_iter().map(warning_from_proto).collect(),
        queue: duration(message.queue_time),
        compute: duration(message.compute_time),
        path,
        shard: message.shard.zip(message.generation),
        scores: message.scores,
    })
}

fn scenario_result(layout: &[v1::ResolvedStat], message: v1::ScenarioResult) -> Option<ScenarioResult> {
    let result = match message.result? {
        scenario_result::Result::Stats(stats) => Ok(stats_from_proto(layout, &stats)),
        scenario_result::Result::Failure(failure) => Err(failure_from_proto(failure)),
    };
    Some(ScenarioResult { result, warnings: message.warnings.into_iter().map(warning_from_proto).collect() })
}

fn scenario(Scenario { name, variation }: &Scenario) -> v1::Scenario {
    v1::Scenario { name: name.clone(), variation: Some(variation_to_proto(String::new(), variation)) }
}

fn summary(message: &v1::EvaluationSummary) -> Summary {
    Summary {
        succeeded: message.succeeded,
        failed: message.failed,
        warned: message.warned,
        resets: message.resets,
        elapsed: duration(message.elapsed_time),
        infeasible: message.infeasible,
        stopped_early: message.stopped_early,
        front_truncated: message.front_truncated,
    }
}

/// Absent and negative times count as none.
fn duration(message: Option<prost_types::Duration>) -> Duration {
    message.and_then(|message| message.try_into().ok()).unwrap_or_default()
}
