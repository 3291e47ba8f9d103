//! The evaluation service: reads what a call is about, gets the base, opens a session, and hands over to `exchange`.
//!
//! All that can fail a call fails it here, before anything was sent. Nothing is computed in this module.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::{
    call::Call,
    convert::{
        BaseSource, Measure, NamedBase, Options, Terms, base_from_proto, echoed_id, engine_to_proto,
        options_from_proto, reduction_from_proto, resolve, warning_to_proto,
    },
    decode::Decoder,
    exchange::{self, Event, Events, Plan},
    scenarios::{self, Scenarios},
    server::Patience,
    status::CallError,
    sweep,
};
use crate::{
    admission::Admission,
    build::{
        limits::{Limit, Limits},
        outcome::{Evaluated, Selection},
    },
    proto::v1::{
        self, evaluate_batch_response, evaluate_stream_request, evaluate_stream_response, evaluate_sweep_response,
        evaluation_service_server::EvaluationService,
    },
    supervisor::{Held, Priority, Refusal, Session, SessionSpec, Supervisor},
};

type ResponseStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The evaluation service.
#[derive(Debug)]
pub struct Evaluation {
    supervisor: Supervisor,
    decoder: Decoder,
    patience: Patience,
    admission: Admission,
}

/// What a call is about, all of it resolved.
struct Prepared {
    base: Held,
    header: v1::EvaluationHeader,
    scenarios: Scenarios,
    terms: Terms,
    measure: Option<Measure>,
    echo: bool,
    options: Options,
}

/// What a call asks for beside the base.
struct Asked {
    /// Outcomes carry their variations.
    echo: bool,
    stats: Option<v1::StatSelection>,
    options: Option<v1::EvaluationOptions>,
    reduction: Option<v1::Reduction>,
    scenarios: Vec<v1::Scenario>,
    default_priority: Priority,
}

impl Evaluation {
    /// The service in front of that supervisor, as patient with its clients as that. While admission is closed it takes
    /// nothing.
    #[must_use]
    pub(super) fn new(supervisor: Supervisor, decoder: Decoder, patience: Patience, admission: Admission) -> Self {
        Self { supervisor, decoder, patience, admission }
    }

    fn limits(&self) -> &Limits {
        self.decoder.limits()
    }

    async fn prepare(&self, call: &Call, base: Option<v1::Base>, asked: Asked) -> Result<Prepared, CallError> {
        let Asked { echo, stats, options, reduction, scenarios, default_priority } = asked;
        if self.admission.is_draining() {
            self.supervisor.metrics().work.refused(Refusal::Draining);
            return Err(CallError::Refused(Refusal::Draining));
        }
        let source = base_from_proto(base, &self.supervisor.engines())?;
        let mut options = options_from_proto(options, default_priority)?;
        options.priority = call.priority(options.priority);
        let scenarios = Scenarios::read(scenarios, &self.decoder).await?;
        let base = obtain(&self.supervisor, &self.decoder, source).await?;
        let mut layout = resolve(stats, &base, &base.engine, self.limits())?;
        let measure = reduction
            .map(|reduction| {
                reduction_from_proto(reduction, &mut layout, &scenarios.names(), &base, &base.engine, self.limits())
            })
            .transpose()?;
        // In one piece, since only now it is known which stats outcomes have.
        let (base_under, base_values) = if scenarios.is_empty() {
            (Vec::new(), vec![layout.base().clone()])
        } else {
            let session = self.open(call, &base, layout.selection(), &options, scenarios.each()).await?;
            scenarios.of_base(session, &layout).await?
        };
        let header = v1::EvaluationHeader {
            base_id: base.id.to_string(),
            engine: Some(engine_to_proto(&base.engine)),
            stats: layout.resolved(),
            base_stats: Some(layout.base_values()),
            base_warnings: base.warnings.iter().map(warning_to_proto).collect(),
            warming_up: base.is_warming_up(),
            scenarios: base_under,
        };
        let with_scenarios = !scenarios.is_empty();
        let difference_to_base = options.difference_to_base;
        let terms = Terms { layout, base: base_values, with_scenarios, difference_to_base };
        Ok(Prepared { base, header, scenarios, terms, measure, echo, options })
    }

    async fn open(
        &self,
        call: &Call,
        base: &Held,
        selection: Selection,
        options: &Options,
        in_flight_max: usize,
    ) -> Result<Session, CallError> {
        let Options { priority, strict, variation_timeout, .. } = *options;
        let spec = SessionSpec {
            base: base.clone(),
            selection,
            priority,
            strict,
            deadline: call.deadline,
            variation_timeout,
            in_flight_max,
            request_id: call.request_id.clone(),
        };
        self.supervisor.open(spec).await.map_err(|error| CallError::from_base(error, self.limits()))
    }

    async fn exchange(
        &self,
        call: Call,
        prepared: Prepared,
        age_max: Option<Duration>,
        variations: impl Stream<Item = Result<v1::Variation, CallError>> + Send + 'static,
    ) -> Result<Events, CallError> {
        let (in_flight_max, idle_max) = (self.limits().in_flight, self.patience.idle_max);
        let Prepared { base, header, scenarios, terms, measure, echo, options } = prepared;
        let session = self.open(&call, &base, terms.layout.selection(), &options, in_flight_max).await?;
        let ordered = options.ordered;
        let draining = self.admission.draining();
        let metrics = Arc::clone(self.supervisor.metrics());
        let plan = Plan {
            call,
            header,
            terms,
            scenarios,
            measure,
            echo,
            ordered,
            in_flight_max,
            idle_max,
            age_max,
            draining,
            metrics,
        };
        Ok(exchange::start(plan, self.decoder.clone(), session, variations))
    }

    async fn evaluate_one(&self, call: &Call, request: v1::EvaluateRequest) -> Result<v1::EvaluateResponse, CallError> {
        let v1::EvaluateRequest { base, variation, stats, options, scenarios } = request;
        let default_priority = Priority::Interactive;
        let asked = Asked { echo: false, stats, options, reduction: None, scenarios, default_priority };
        let Prepared { base, header, scenarios, terms, options, .. } = self.prepare(call, base, asked).await?;
        let _turns = (0..scenarios.each()).map(|_| call.turn_now()).collect::<Result<Vec<_>, _>>()?;
        let variation = variation.unwrap_or_default();
        let id = echoed_id(&variation, self.limits());
        let decoded = self.decoder.variation(variation).await;

        let mut parts = Vec::with_capacity(scenarios.each());
        let (mut tags, mut variations) = (Vec::new(), Vec::new());
        for (place, tag) in (0..scenarios.each()).zip(0..) {
            let under = match &decoded {
                Ok(decoded) => scenarios.under(place, &self.decoder, decoded).await,
                Err(failure) => Err(failure.clone()),
            };
            match under {
                Ok(under) => {
                    tags.push(tag);
                    variations.push(under.variation);
                }
                Err(failure) => {
                    self.supervisor.metrics().work.rejected(failure.reason);
                    parts.push(Evaluated::refused(tag, failure));
                }
            }
        }
        if !variations.is_empty() {
            let session = self.open(call, &base, terms.layout.selection(), &options, variations.len()).await?;
            let evaluated = scenarios::evaluate(session, variations).await?;
            parts.extend(evaluated.into_iter().zip(tags).map(|(evaluated, tag)| Evaluated { tag, ..evaluated }));
            parts.sort_by_key(|part| part.tag);
        }
        Ok(v1::EvaluateResponse { header: Some(header), outcome: Some(terms.outcome(id, 0, &parts)) })
    }
}

/// The base that a call names, loaded if it was not.
pub(super) async fn obtain(
    supervisor: &Supervisor,
    decoder: &Decoder,
    NamedBase { engine, source }: NamedBase,
) -> Result<Held, CallError> {
    let base = match source {
        BaseSource::Id(id) => supervisor.find_base(&engine, id).await,
        BaseSource::Build(build) => supervisor.load_base(&engine, decoder.build(build).await?.into()).await,
    };
    base.map_err(|error| CallError::from_base(error, decoder.limits()))
}

#[tonic::async_trait]
impl EvaluationService for Evaluation {
    type EvaluateBatchStream = ResponseStream<v1::EvaluateBatchResponse>;
    type EvaluateStreamStream = ResponseStream<v1::EvaluateStreamResponse>;
    type EvaluateSweepStream = ResponseStream<v1::EvaluateSweepResponse>;

    async fn evaluate_batch(
        &self,
        request: Request<v1::EvaluateBatchRequest>,
    ) -> Result<Response<Self::EvaluateBatchStream>, Status> {
        let call = Call::of(&request, self.limits());
        let v1::EvaluateBatchRequest { base, variations, stats, options, reduction, scenarios } = request.into_inner();
        if variations.is_empty() {
            return Err(CallError::invalid("variations", "at least one variation is needed").into());
        }
        let too_many = |exceeded| CallError::limit("variations", exceeded);
        self.limits().check(Limit::Batch, variations.len()).map_err(too_many)?;
        let variations = tokio_stream::iter(variations).map(Ok);
        let prepare = async {
            let default_priority = Priority::Batch;
            let asked = Asked { echo: false, stats, options, reduction, scenarios, default_priority };
            let prepared = self.prepare(&call, base, asked).await?;
            self.exchange(call.clone(), prepared, None, variations).await
        };
        let events = call.within(prepare).await?;
        Ok(Response::new(Box::pin(events.map(|event| event.map(Into::into)))))
    }

    async fn evaluate_stream(
        &self,
        request: Request<Streaming<v1::EvaluateStreamRequest>>,
    ) -> Result<Response<Self::EvaluateStreamStream>, Status> {
        let call = Call::of(&request, self.limits());
        let mut inbound = request.into_inner();
        let prepare = async {
            let first = tokio::time::timeout(self.patience.idle_max, first_message(&mut inbound));
            let v1::EvaluateStreamStart { base, stats, options, reduction, scenarios } =
                first.await.map_err(|_| CallError::Idle)??;
            let default_priority = Priority::Batch;
            let asked = Asked { echo: false, stats, options, reduction, scenarios, default_priority };
            let prepared = self.prepare(&call, base, asked).await;
            let prepared = prepared.map_err(|error| error.within("start"))?;
            // What a reduction holds back would be computed once more in the next session, and so on for ever.
            let age_max = self.patience.ages.session_max.filter(|_| prepared.measure.is_none());
            self.exchange(call.clone(), prepared, age_max, inbound.map(later_message)).await
        };
        let events = call.within(prepare).await?;
        Ok(Response::new(Box::pin(events.map(|event| event.map(Into::into)))))
    }

    async fn evaluate_sweep(
        &self,
        request: Request<v1::EvaluateSweepRequest>,
    ) -> Result<Response<Self::EvaluateSweepStream>, Status> {
        let call = Call::of(&request, self.limits());
        let prepare = async {
            let v1::EvaluateSweepRequest { base, sweeps, stats, options, reduction, scenarios } = request.into_inner();
            let default_priority = Priority::Batch;
            let asked = Asked { echo: true, stats, options, reduction, scenarios, default_priority };
            let prepared = self.prepare(&call, base, asked).await?;
            let variations = sweep::variations(&self.supervisor, &prepared.base, sweeps, self.limits()).await?;
            self.exchange(call.clone(), prepared, None, tokio_stream::iter(variations.map(Ok))).await
        };
        let events = call.within(prepare).await?;
        Ok(Response::new(Box::pin(events.map(|event| event.map(Into::into)))))
    }

    async fn evaluate(&self, request: Request<v1::EvaluateRequest>) -> Result<Response<v1::EvaluateResponse>, Status> {
        let call = Call::of(&request, self.limits());
        let response = call.within(self.evaluate_one(&call, request.into_inner())).await?;
        Ok(Response::new(response))
    }
}

/// The first message of a session.
async fn first_message(
    inbound: &mut Streaming<v1::EvaluateStreamRequest>,
) -> Result<v1::EvaluateStreamStart, CallError> {
    match inbound.message().await.map_err(CallError::Inbound)?.and_then(|message| message.request) {
        Some(evaluate_stream_request::Request::Start(start)) => Ok(start),
        Some(evaluate_stream_request::Request::Variation(_)) | None => {
            Err(CallError::invalid("start", "the first message must be `start`"))
        }
    }
}

/// Any other message of a session.
fn later_message(message: Result<v1::EvaluateStreamRequest, Status>) -> Result<v1::Variation, CallError> {
    match message.map_err(CallError::Inbound)?.request {
        Some(evaluate_stream_request::Request::Variation(variation)) => Ok(variation),
        Some(evaluate_stream_request::Request::Start(_)) => {
            Err(CallError::invalid("start", "only the first message can be `start`"))
        }
        None => Err(CallError::invalid("request", "the message is empty, or of a kind that this server does not know")),
    }
}

impl From<Event> for v1::EvaluateBatchResponse {
    fn from(event: Event) -> Self {
        use evaluate_batch_response::Response;
        let response = match event {
            Event::Header(header) => Response::Header(header),
            Event::Outcome(outcome) => Response::Outcome(outcome),
            Event::Summary(summary) => Response::Summary(summary),
        };
        Self { response: Some(response) }
    }
}

impl From<Event> for v1::EvaluateSweepResponse {
    fn from(event: Event) -> Self {
        use evaluate_sweep_response::Response;
        let response = match event {
            Event::Header(header) => Response::Header(header),
            Event::Outcome(outcome) => Response::Outcome(outcome),
            Event::Summary(summary) => Response::Summary(summary),
        };
        Self { response: Some(response) }
    }
}

impl From<Event> for v1::EvaluateStreamResponse {
    fn from(event: Event) -> Self {
        use evaluate_stream_response::Response;
        let response = match event {
            Event::Header(header) => Response::Header(header),
            Event::Outcome(outcome) => Response::Outcome(outcome),
            Event::Summary(summary) => Response::Summary(summary),
        };
        Self { response: Some(response) }
    }
}
