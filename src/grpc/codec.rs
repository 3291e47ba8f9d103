//! The codec of all calls: prost's, and before it a look at what a request will weigh.
//!
//! Generated code makes a codec for each call by `default()`, within the call; so what it has to know of the server is
//! handed to it by [`Bounded`], which is around each service.

use std::sync::Arc;

use bytes::Buf as _;
use prost::Message;
use tokio::task::futures::TaskLocalFuture;
use tonic::{
    Status,
    codec::{BufferSettings, DecodeBuf, Decoder},
    codegen::{Context, Poll, Service, http},
    server::NamedService,
};
use tonic_prost::{ProstCodec, ProstDecoder};

use super::{
    status::CallError,
    weight::{TooHeavy, Weights},
};
use crate::build::limits::{Exceeded, Limit};

tokio::task_local! {
    static BOUND: Option<Bound>;
}

/// What the requests of a call may weigh.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    weights: Arc<Weights>,
    request: usize,
    bytes_max: usize,
}

impl Bound {
    fn check(&self, message: &[u8]) -> Result<(), CallError> {
        self.weights.check(self.request, message, self.bytes_max).map_err(|TooHeavy(field)| {
            // Nobody counted to the end.
            let came = self.bytes_max.saturating_add(1);
            CallError::limit(field, Exceeded { limit: Limit::DecodedSize, most: self.bytes_max, came })
        })
    }
}

/// A service whose requests are bounded in what they weigh once they are decoded.
#[derive(Clone, Debug)]
pub(super) struct Bounded<S> {
    service: S,
    weights: Arc<Weights>,
    bytes_max: usize,
}

impl<S> Bounded<S> {
    pub(super) fn new(service: S, weights: Arc<Weights>, bytes_max: usize) -> Self {
        Self { service, weights, bytes_max }
    }
}

impl<S: NamedService> NamedService for Bounded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: Service<http::Request<B>>, B> Service<http::Request<B>> for Bounded<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = TaskLocalFuture<Option<Bound>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let weights = Arc::clone(&self.weights);
        let bytes_max = self.bytes_max;
        let bound = weights.request(request.uri().path()).map(|request| Bound { weights, request, bytes_max });
        BOUND.scope(bound, self.service.call(request))
    }
}

/// Prost's codec, bounded if a [`Bounded`] service is around it. A client's is not.
#[derive(Debug)]
pub struct Codec<T, U> {
    prost: ProstCodec<T, U>,
    bound: Option<Bound>,
}

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self { prost: ProstCodec::default(), bound: BOUND.try_with(Clone::clone).ok().flatten() }
    }
}

impl<T: Message + 'static, U: Message + Default + 'static> tonic::codec::Codec for Codec<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as tonic::codec::Codec>::Encoder;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        self.prost.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder { prost: self.prost.decoder(), bound: self.bound.clone() }
    }
}

/// Prost's decoder, behind the bound.
#[derive(Debug)]
pub struct BoundedDecoder<U> {
    prost: ProstDecoder<U>,
    bound: Option<Bound>,
}

impl<U: Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        if let Some(bound) = &self.bound {
            // Tonic hands out a whole message, in one piece.
            bound.check(source.chunk())?;
        }
        self.prost.decode(source)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.prost.buffer_settings()
    }
}
