//! The gateway's own RPCs: break-glass, mandates to review an incident, and the
//! view of the access log.
//!
//! They are a service as any other: on the chassis, with contracts, events and
//! facts, reached through the same seven steps, except that the last hop is a
//! function call.

mod gransking;
mod innsynslogg;
mod nodtilgang;

use futures::future::BoxFuture;
use samspor_chassis::{
    deadlines::DueDeadline,
    error::Error,
    rpc::verified,
    server::{Agency, Chassis},
    store::{Migrations, Tx},
};
use samspor_proto::gateway::{
    ApneGranskingRequest, ApneGranskingResponse, AvsluttGranskingRequest, AvsluttGranskingResponse,
    AvsluttNodtilgangRequest, AvsluttNodtilgangResponse, GjennomgaNodtilgangRequest,
    GjennomgaNodtilgangResponse, GodkjennGranskingRequest, GodkjennGranskingResponse,
    HentGranskingRequest, HentGranskingResponse, ListAvviksinnsynRequest, ListAvviksinnsynResponse,
    ListGranskingerRequest, ListGranskingerResponse, ListInnsynRequest, ListInnsynResponse,
    ListNodtilgangerRequest, ListNodtilgangerResponse, StartNodtilgangRequest,
    StartNodtilgangResponse,
    gransking_service_server::{GranskingService, GranskingServiceServer},
    innsynslogg_service_server::{InnsynsloggService, InnsynsloggServiceServer},
    nodtilgang_service_server::{NodtilgangService, NodtilgangServiceServer},
};
use tonic::{Request, Response, Status, service::Routes};

/// The gateway's own service.
#[derive(Clone)]
pub struct Own {
    chassis: Chassis,
}

impl Agency for Own {
    const NAME: &'static str = "gateway";

    fn migrations() -> Migrations {
        crate::log::MIGRATIONS
    }

    fn routes(chassis: Chassis) -> Routes {
        let own = Self { chassis };
        Routes::new(NodtilgangServiceServer::new(own.clone()))
            .add_service(GranskingServiceServer::new(own.clone()))
            .add_service(InnsynsloggServiceServer::new(own))
    }

    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            match deadline.kind.as_str() {
                gransking::rpc::ENDS => gransking::rpc::on_deadline(tx, &deadline).await,
                _ => nodtilgang::rpc::on_deadline(tx, &deadline).await,
            }
        })
    }
}

samspor_chassis::rpc! {
    impl NodtilgangService for Own {
        write start_nodtilgang(StartNodtilgangRequest) -> StartNodtilgangResponse = nodtilgang::rpc::start;
        write avslutt_nodtilgang(AvsluttNodtilgangRequest) -> AvsluttNodtilgangResponse = nodtilgang::rpc::end;
        write gjennomga_nodtilgang(GjennomgaNodtilgangRequest) -> GjennomgaNodtilgangResponse = nodtilgang::rpc::review;
        read list_nodtilganger(ListNodtilgangerRequest) -> ListNodtilgangerResponse = nodtilgang::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl GranskingService for Own {
        write apne_gransking(ApneGranskingRequest) -> ApneGranskingResponse = gransking::rpc::apne;
        write godkjenn_gransking(GodkjennGranskingRequest) -> GodkjennGranskingResponse = gransking::rpc::godkjenn;
        write avslutt_gransking(AvsluttGranskingRequest) -> AvsluttGranskingResponse = gransking::rpc::avslutt;
        read hent_gransking(HentGranskingRequest) -> HentGranskingResponse = gransking::rpc::hent;
        read list_granskinger(ListGranskingerRequest) -> ListGranskingerResponse = gransking::rpc::list;
    }
}

#[tonic::async_trait]
impl InnsynsloggService for Own {
    async fn list_innsyn(
        &self,
        request: Request<ListInnsynRequest>,
    ) -> Result<Response<ListInnsynResponse>, Status> {
        let call = verified(&request)?;
        let rows = innsynslogg::list(self.chassis.store(), &call, request.into_inner()).await?;
        Ok(Response::new(rows))
    }

    async fn list_avviksinnsyn(
        &self,
        request: Request<ListAvviksinnsynRequest>,
    ) -> Result<Response<ListAvviksinnsynResponse>, Status> {
        verified(&request)?;
        let rows = innsynslogg::list_avvik(self.chassis.store(), request.into_inner()).await?;
        Ok(Response::new(rows))
    }
}
