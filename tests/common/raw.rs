//! Messages as they are on the wire, for a client that has no types: what nobody would write down with them.

use bytes::{Buf as _, BufMut as _, Bytes};
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

/// A field that says how long it is.
pub fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    [bytes, content.to_vec()].concat()
}

/// Calls a method that answers with a stream, reads it to its end, and says how it ended.
pub async fn call(channel: Channel, path: &'static str, message: Vec<u8>) -> Code {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("the server listens");
    let path = path.parse().expect("a path");
    let answer = async {
        let mut stream = client.server_streaming(Request::new(message.into()), path, Raw).await?.into_inner();
        while stream.message().await?.is_some() {}
        Ok::<_, Status>(())
    };
    answer.await.map_or_else(|status| status.code(), |()| Code::Ok)
}

struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
