//! The measure: a typed tonic backend, and a typed tonic proxy that decodes a
//! request, passes it on and encodes the answer, and does nothing else.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use samspor_proto::bestillerkontor::{
    AvvisEndringRequest, AvvisEndringResponse, BytteHovedansvarligRequest,
    BytteHovedansvarligResponse, EndreVedtakRequest, EndreVedtakResponse, FattVedtakRequest,
    FattVedtakResponse, ForeslaOpphorRequest, ForeslaOpphorResponse, ForkastVedtakRequest,
    ForkastVedtakResponse, GodkjennEndringRequest, GodkjennEndringResponse, HentVedtakRequest,
    HentVedtakResponse, ListVedtakRequest, ListVedtakResponse, MeldBoligRequest, MeldBoligResponse,
    MeldEtterlevelseRequest, MeldEtterlevelseResponse, OppdaterVedtakRequest,
    OppdaterVedtakResponse, OpphorVedtakRequest, OpphorVedtakResponse, OpprettVedtakRequest,
    OpprettVedtakResponse, RegistrerEvalueringRequest, RegistrerEvalueringResponse,
    ReturnerVedtakRequest, ReturnerVedtakResponse, SendTilGodkjenningRequest,
    SendTilGodkjenningResponse, UnderrettVedtakRequest, UnderrettVedtakResponse,
    UtsettUnderretningRequest, UtsettUnderretningResponse, Vedtak,
    vedtak_service_client::VedtakServiceClient,
    vedtak_service_server::{VedtakService, VedtakServiceServer},
};
use tokio::{net::TcpListener, time::Instant};
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};

use crate::{load::wait_until, mesh::draft};

/// What answers `HentVedtak`.
#[derive(Clone)]
enum Role {
    /// Answers itself, after a time.
    Backend(Arc<Vedtak>, Duration),
    /// Asks another.
    Pass(
        Vec<VedtakServiceClient<Channel>>,
        Arc<std::sync::atomic::AtomicUsize>,
    ),
}

/// The generated trait wants every method; one of them is measured.
macro_rules! measured {
    ($($unused:ident($request:ty) -> $response:ty;)*) => {
        #[tonic::async_trait]
        impl VedtakService for Role {
            async fn hent_vedtak(
                &self,
                request: Request<HentVedtakRequest>,
            ) -> Result<Response<HentVedtakResponse>, Status> {
                self.hent(request.into_inner()).await
            }

            $(async fn $unused(&self, _: Request<$request>) -> Result<Response<$response>, Status> {
                Err(Status::unimplemented("not measured"))
            })*
        }
    };
}

measured! {
    opprett_vedtak(OpprettVedtakRequest) -> OpprettVedtakResponse;
    oppdater_vedtak(OppdaterVedtakRequest) -> OppdaterVedtakResponse;
    send_til_godkjenning(SendTilGodkjenningRequest) -> SendTilGodkjenningResponse;
    returner_vedtak(ReturnerVedtakRequest) -> ReturnerVedtakResponse;
    utsett_underretning(UtsettUnderretningRequest) -> UtsettUnderretningResponse;
    endre_vedtak(EndreVedtakRequest) -> EndreVedtakResponse;
    godkjenn_endring(GodkjennEndringRequest) -> GodkjennEndringResponse;
    avvis_endring(AvvisEndringRequest) -> AvvisEndringResponse;
    meld_bolig(MeldBoligRequest) -> MeldBoligResponse;
    meld_etterlevelse(MeldEtterlevelseRequest) -> MeldEtterlevelseResponse;
    registrer_evaluering(RegistrerEvalueringRequest) -> RegistrerEvalueringResponse;
    fatt_vedtak(FattVedtakRequest) -> FattVedtakResponse;
    underrett_vedtak(UnderrettVedtakRequest) -> UnderrettVedtakResponse;
    forkast_vedtak(ForkastVedtakRequest) -> ForkastVedtakResponse;
    foresla_opphor(ForeslaOpphorRequest) -> ForeslaOpphorResponse;
    bytte_hovedansvarlig(BytteHovedansvarligRequest) -> BytteHovedansvarligResponse;
    opphor_vedtak(OpphorVedtakRequest) -> OpphorVedtakResponse;
    list_vedtak(ListVedtakRequest) -> ListVedtakResponse;
}

impl Role {
    async fn hent(
        &self,
        request: HentVedtakRequest,
    ) -> Result<Response<HentVedtakResponse>, Status> {
        match self {
            Self::Backend(vedtak, hold) => {
                if !hold.is_zero() {
                    wait_until(Instant::now() + *hold).await;
                }
                let mut vedtak = Vedtak::clone(vedtak);
                vedtak.name = request.name;
                Ok(Response::new(HentVedtakResponse {
                    vedtak: Some(vedtak),
                }))
            }
            Self::Pass(clients, turn) => {
                let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let client = clients.get(turn % clients.len().max(1));
                let mut client = client
                    .cloned()
                    .ok_or_else(|| Status::unavailable("no client"))?;
                client.hent_vedtak(Request::new(request)).await
            }
        }
    }
}

/// Runs the backend, which holds each answer back for a time.
pub(crate) async fn backend(hold: Duration) -> Result<()> {
    serve(Role::Backend(Arc::new(draft("")), hold)).await
}

/// Runs the proxy. As many channels as the gateway has.
pub(crate) async fn proxy(backend: &str) -> Result<()> {
    let mut clients = Vec::new();
    for _ in 0..4 {
        let endpoint = Endpoint::from_shared(format!("http://{backend}"))?.tcp_nodelay(true);
        clients.push(VedtakServiceClient::new(endpoint.connect().await?));
    }
    serve(Role::Pass(clients, Arc::default())).await
}

async fn serve(role: Role) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Server::builder()
        .add_service(VedtakServiceServer::new(role))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}
