//! Five municipalities, one program: the same case, decided by whom the
//! municipality's file says, and then waiting where it must.

use std::sync::Arc;

use samspor_chassis::tid::SystemClock;
use samspor_proto::{bestillerkontor::*, felles::Rolle, tilgang::Formal};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::scene::*;

const VEDTAK: &str = "bestillerkontor.v1.VedtakService";
const VENTER: &str = "bestillerkontor.v1.InnboksService/ListVenteposter";

async fn waiting(scene: &Scene, unit: &str, of: &str) -> Vec<Ventepost> {
    let desk = scene.desk(unit, Rolle::System, Formal::Ytelse).await;
    let request = ListVenteposterRequest {
        parent: format!("enheter/{of}"),
        ..Default::default()
    };
    let page: ListVenteposterResponse = ok(&desk, VENTER, request).await;
    page.venteposter
}

/// Drafted by bestillerkontor for the unit that decides; the name.
async fn draft(scene: &Scene, person: &str, unit: &str, content: Vedtak) -> String {
    let formal = Formal::Saksbehandling;
    let author = scene
        .desk("bestillerkontor", Rolle::Saksbehandler, formal)
        .await;
    let request = OpprettVedtakRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        vedtak: Some(Vedtak {
            ansvarlig_enhet: format!("enheter/{unit}"),
            ..content
        }),
    };
    let drafted: OpprettVedtakResponse =
        ok(&author, &format!("{VEDTAK}/OpprettVedtak"), request).await;
    drafted.vedtak.unwrap().name
}

/// Decided by the unit whose draft it is.
async fn decide(scene: &Scene, unit: &str, name: String) -> Vedtak {
    let formal = Formal::Saksbehandling;
    let caseworker = scene.desk(unit, Rolle::Saksbehandler, formal).await;
    let decider = scene.desk(unit, Rolle::Beslutter, formal).await;
    // Its version is for the unit whose it is.
    let request = HentVedtakRequest { name, versjon: 0 };
    let found: HentVedtakResponse = ok(&caseworker, &format!("{VEDTAK}/HentVedtak"), request).await;
    let mut draft = found.vedtak.unwrap();
    loop {
        let request = SendTilGodkjenningRequest {
            name: draft.name.clone(),
            request_id: request_id(),
            etag: draft.etag.clone(),
        };
        let sent: SendTilGodkjenningResponse = ok(
            &caseworker,
            &format!("{VEDTAK}/SendTilGodkjenning"),
            request,
        )
        .await;
        let sent = sent.vedtak.unwrap();
        let request = FattVedtakRequest {
            name: sent.name.clone(),
            request_id: request_id(),
            etag: sent.etag.clone(),
        };
        let method = format!("{VEDTAK}/FattVedtak");
        if draft.linjer.len() == 1 || unit == "bestillerkontor" {
            let decided: FattVedtakResponse = ok(&decider, &method, request).await;
            return decided
                .vedtak
                .unwrap_or_else(|| panic!("{unit} does not see what it decided"));
        }
        // A line that is another's is named, and goes to whom it belongs.
        let status = refused::<_, FattVedtakResponse>(&decider, &method, request).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let faults = status
            .get_details_bad_request()
            .unwrap_or_else(|| panic!("{status:?}"))
            .field_violations;
        assert_eq!(faults[0].field, "vedtak.linjer[1].type");
        let said = &faults[0].description;
        assert!(said.contains("vedtaksmyndighet:boveiledning"), "{said}");
        let request = ReturnerVedtakRequest {
            name: sent.name.clone(),
            request_id: request_id(),
            begrunnelse: "Hjemmetjenesten vedtar sin linje.".to_owned(),
        };
        let returned: ReturnerVedtakResponse =
            ok(&decider, &format!("{VEDTAK}/ReturnerVedtak"), request).await;
        let mut content = returned.vedtak.unwrap();
        content.linjer.truncate(1);
        let request = OppdaterVedtakRequest {
            name: content.name.clone(),
            request_id: request_id(),
            etag: content.etag.clone(),
            vedtak: Some(content),
        };
        let updated: OppdaterVedtakResponse =
            ok(&caseworker, &format!("{VEDTAK}/OppdaterVedtak"), request).await;
        draft = updated.vedtak.unwrap();
    }
}

async fn same_case(kommune: &'static str) {
    let scene = Scene::on(Arc::new(SystemClock), |options| {
        kommune.clone_into(&mut options.kommune);
    })
    .await;
    let person = scene.person(NUMBERS[0]).await;
    let soknad = scene.ready(&person).await;
    let whole = draft_of(&soknad);
    if kommune == "sarpsborg" {
        // ROP will have the main responsibility for the person; who else
        // decides names it too. All is handed out before the last decision.
        let mut rest = whole.clone();
        rest.linjer.remove(0);
        let first = Box::pin(draft(&scene, &person, "rop", whole)).await;
        let second = Box::pin(draft(&scene, &person, "hjemmetjeneste", rest)).await;
        Box::pin(decide(&scene, "rop", first)).await;
        Box::pin(decide(&scene, "hjemmetjeneste", second)).await;
    } else {
        let name = Box::pin(draft(&scene, &person, "bestillerkontor", whole)).await;
        Box::pin(decide(&scene, "bestillerkontor", name)).await;
    }

    for unit in ["rop", "bom"] {
        let list = waiting(&scene, unit, unit).await;
        let kinds: Vec<Ventetype> = list.iter().map(Ventepost::r#type).collect();
        assert!(
            kinds.contains(&Ventetype::Svar),
            "{kommune} {unit}: {kinds:?}"
        );
        assert!(list.iter().all(|post| post.post.starts_with(&person)));
        let desk = scene.desk(unit, Rolle::Saksbehandler, Formal::Ytelse).await;
        let offered = list.iter().find(|post| post.r#type() == Ventetype::Svar);
        let request = AksepterOppdragRequest {
            name: offered.unwrap().post.clone(),
            request_id: request_id(),
        };
        let method = "bestillerkontor.v1.OppdragService/AksepterOppdrag";
        let accepted: AksepterOppdragResponse = ok(&desk, method, request).await;
        let order = accepted.oppdrag.unwrap();
        assert_eq!(order.ansvarlig_enhet, format!("enheter/{unit}"));
        let list = waiting(&scene, unit, unit).await;
        let kinds: Vec<Ventetype> = list.iter().map(Ventepost::r#type).collect();
        assert!(kinds.contains(&Ventetype::Start) && !kinds.contains(&Ventetype::Svar));
    }
    // Another's list is nobody's to read.
    let desk = scene.desk("nav", Rolle::System, Formal::Ytelse).await;
    let request = ListVenteposterRequest {
        parent: "enheter/rop".to_owned(),
        ..Default::default()
    };
    let answer = desk
        .call::<_, ListVenteposterResponse>(VENTER, request)
        .await;
    assert!(answer.result.is_err() || answer.result.unwrap().venteposter.is_empty());

    let author = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let request = HentSoknadRequest { name: soknad };
    let method = "bestillerkontor.v1.SoknadService/HentSoknad";
    let found = author.call::<_, HentSoknadResponse>(method, request).await;
    match found.result {
        Ok(found) => assert_eq!(found.soknad.unwrap().tilstand(), SoknadTilstand::Vedtatt),
        // The last decision closed it, and the cases are others' now.
        Err(status) => {
            assert_eq!((kommune, status.code()), ("sarpsborg", Code::NotFound));
        }
    }
}

/// Seen red: with `vedtaksmyndighet:boveiledning` of Sarpsborg given to `rop`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn karmoy() {
    Box::pin(same_case("karmoy")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sarpsborg() {
    Box::pin(same_case("sarpsborg")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn levanger() {
    Box::pin(same_case("levanger")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alesund() {
    Box::pin(same_case("alesund")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kristiansund() {
    Box::pin(same_case("kristiansund")).await;
}
