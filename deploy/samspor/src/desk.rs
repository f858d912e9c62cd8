//! A desk: one employee, system or person who calls the gateway from outside,
//! with a token, a purpose and nothing else. The demo and the end-to-end
//! tests sit at desks, so that they see what any client sees.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use prost::Message;
use samspor_chassis::telemetry;
use samspor_gateway::proxy::Raw;
use samspor_proto::tilgang::Formal;
use tonic::{
    Request, Response, Status, Streaming,
    client::Grpc,
    codec::Codec,
    metadata::{AsciiMetadataValue, MetadataMap},
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;
use tracing::Instrument as _;

/// Gives a desk its token.
pub type TokenSource = Arc<dyn Fn() -> String + Send + Sync>;

/// Somebody who calls the gateway.
#[derive(Clone)]
pub struct Desk {
    channel: Channel,
    token: TokenSource,
    formal: Formal,
    sak: Option<String>,
}

/// An answer, and the trace that it belongs to.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    /// What came back.
    pub result: Result<T, Status>,
    /// Trace id, as the gateway tells it; empty when it told none.
    pub trace_id: String,
}

impl Desk {
    /// A desk that calls through a channel.
    #[must_use]
    pub fn new(channel: Channel, token: TokenSource) -> Self {
        Self {
            channel,
            token,
            formal: Formal::Unspecified,
            sak: None,
        }
    }

    /// A desk that calls the gateway at an address.
    ///
    /// # Errors
    /// When nothing answers there.
    pub async fn at(gateway: SocketAddr, token: TokenSource) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{gateway}"))?
            .connect()
            .await
            .with_context(|| format!("no gateway answers at {gateway}"))?;
        Ok(Self::new(channel, token))
    }

    /// The same desk, with a purpose.
    #[must_use]
    pub fn with_purpose(&self, formal: Formal) -> Self {
        Self {
            formal,
            ..self.clone()
        }
    }

    /// The same desk, with a case reference.
    #[must_use]
    pub fn with_case(&self, sak: &str) -> Self {
        Self {
            sak: Some(sak.to_owned()),
            ..self.clone()
        }
    }

    /// Calls a method by its path without the leading `samspor.`:
    /// `rop.v1.JournalService/HentAapentNotat`.
    pub async fn call<Q, A>(&self, method: &str, request: Q) -> Answer<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let path = format!("/samspor.{method}");
        self.unary(&path, request, ProstCodec::<Q, A>::default())
            .await
    }

    /// Calls a method by its path on the wire, with messages that are known by
    /// their descriptors alone.
    pub async fn call_encoded(&self, path: &str, request: Bytes) -> Answer<Bytes> {
        self.unary(path, request, Raw).await
    }

    async fn unary<C>(&self, path: &str, request: C::Encode, codec: C) -> Answer<C::Decode>
    where
        C: Codec<Encode: Send + Sync + 'static, Decode: Send + Sync + 'static>,
    {
        let span = telemetry::client_span("gateway", path);
        async {
            let mut client = Grpc::new(self.channel.clone());
            let outcome = async {
                client
                    .ready()
                    .await
                    .map_err(|_| Status::unavailable("the gateway does not answer"))?;
                let path = path
                    .parse()
                    .map_err(|_| Status::invalid_argument("method path"))?;
                client.unary(self.request(request), path, codec).await
            };
            answer(outcome.await)
        }
        .instrument(span)
        .await
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// The gateway's refusal.
    pub async fn stream<Q, A>(&self, method: &str, request: Q) -> Result<Streaming<A>, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let path = format!("/samspor.{method}")
            .parse()
            .map_err(|_| Status::invalid_argument("method path"))?;
        let mut client = Grpc::new(self.channel.clone());
        client
            .ready()
            .await
            .map_err(|_| Status::unavailable("the gateway does not answer"))?;
        let opened = client
            .server_streaming(self.request(request), path, ProstCodec::<Q, A>::default())
            .await?;
        Ok(opened.into_inner())
    }

    fn request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        set(
            metadata,
            "authorization",
            &format!("Bearer {}", (self.token)()),
        );
        if self.formal != Formal::Unspecified {
            let name = self
                .formal
                .as_str_name()
                .strip_prefix("FORMAL_")
                .unwrap_or_default();
            set(metadata, samspor_gateway::proxy::FORMAAL, name);
        }
        if let Some(sak) = &self.sak {
            set(metadata, samspor_gateway::proxy::SAK, sak);
        }
        telemetry::inject(metadata);
        request
    }
}

fn set(metadata: &mut MetadataMap, name: &'static str, value: &str) {
    if let Ok(value) = AsciiMetadataValue::try_from(value) {
        metadata.insert(name, value);
    }
}

fn answer<T>(outcome: Result<Response<T>, Status>) -> Answer<T> {
    let id_of = |metadata: &MetadataMap| {
        metadata
            .get(samspor_gateway::proxy::TRACE_ID)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    match outcome {
        Ok(response) => Answer {
            trace_id: id_of(response.metadata()),
            result: Ok(response.into_inner()),
        },
        Err(status) => Answer {
            trace_id: id_of(status.metadata()),
            result: Err(status),
        },
    }
}
