//! A collector that counts the spans of each process and keeps none of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

/// Spans so far, by the name of the process that exported them.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<BTreeMap<String, u64>>>);

impl Sink {
    /// Starts it in this process; gives its address as well.
    pub(crate) async fn start() -> Result<(Self, String)> {
        let sink = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let server = Server::builder()
            .add_service(TraceServiceServer::new(sink.clone()))
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(server);
        Ok((sink, address))
    }

    /// Spans that a process has exported so far.
    pub(crate) fn spans(&self, process: &str) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(process).copied().unwrap_or_default()
    }
}

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let process = attributes
                .into_iter()
                .find(|attribute| attribute.key == "service.name")
                .and_then(|attribute| attribute.value?.value);
            let Some(Value::StringValue(process)) = process else {
                continue;
            };
            let spans: usize = resource.scope_spans.iter().map(|s| s.spans.len()).sum();
            *counts.entry(process).or_default() += u64::try_from(spans).unwrap_or_default();
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
