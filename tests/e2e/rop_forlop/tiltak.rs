//! What the unit delivers, with and without an order, and how it follows an
//! amended decision.

use samspor_proto::{
    bestillerkontor::{
        EndreVedtakRequest, EndreVedtakResponse, GodkjennEndringRequest, GodkjennEndringResponse,
        HentVedtakRequest, HentVedtakResponse, ListEnhetensOppdragRequest,
        ListEnhetensOppdragResponse,
    },
    felles::{Feilgrunn, Rolle},
    rop::*,
    tilgang::Formal,
};

use super::{KANARI, day, task_about, tasks};
use crate::scene::*;

const BEGIN: &str = "rop.v1.TiltakService/OpprettTiltak";
const READ: &str = "rop.v1.TiltakService/HentTiltak";
const UPDATE: &str = "rop.v1.TiltakService/OppdaterTiltak";
const END: &str = "rop.v1.TiltakService/AvsluttTiltak";
const LIST: &str = "rop.v1.TiltakService/ListTiltak";
const WEEK: &str = "rop.v1.TiltakService/ListEnhetensLeveringer";

/// Something that ROP delivers; `oppdrag` empty: without vedtak.
pub async fn begin(scene: &Scene, person: &str, oppdrag: &str) -> Tiltak {
    let casework = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let request = OpprettTiltakRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        oppdrag: oppdrag.to_owned(),
        beskrivelse: format!("Oppfølging hjemme. {KANARI}"),
        hjemmel: Some(basis("§ 3-2")),
    };
    let begun: OpprettTiltakResponse = ok(&casework, BEGIN, request).await;
    begun.tiltak.unwrap()
}

/// What ROP delivers under the order of a case.
pub async fn under_order(scene: &Scene, case: &Case) -> Tiltak {
    let casework = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let request = ListEnhetensOppdragRequest {
        parent: "enheter/rop".to_owned(),
        ..Default::default()
    };
    let method = "bestillerkontor.v1.OppdragService/ListEnhetensOppdrag";
    let orders: ListEnhetensOppdragResponse = ok(&casework, method, request).await;
    let mut orders = orders.oppdrag.into_iter();
    let order = orders.find(|one| one.name.starts_with(&case.person));
    begin(scene, &case.person, &order.unwrap().name).await
}

/// More hours, proposed by one and approved by another.
async fn amended(scene: &Scene, vedtak: &str) {
    let [author, decider] = [Rolle::Saksbehandler, Rolle::Beslutter]
        .map(|role| scene.desk("bestillerkontor", role, Formal::Saksbehandling));
    let (author, decider) = (author.await, decider.await);
    let named = HentVedtakRequest {
        name: vedtak.to_owned(),
        ..Default::default()
    };
    let method = "bestillerkontor.v1.VedtakService/HentVedtak";
    let read: HentVedtakResponse = ok(&author, method, named).await;
    let mut content = read.vedtak.unwrap();
    let etag = std::mem::take(&mut content.etag);
    let line = content
        .linjer
        .iter_mut()
        .find(|line| line.enheter == ["enheter/rop"]);
    line.unwrap().maks_timer = 6.0;
    let change = EndreVedtakRequest {
        name: vedtak.to_owned(),
        request_id: request_id(),
        etag,
        vedtak: Some(content),
        begrunnelse: format!("Trenger mer. {KANARI}"),
        linjeslutt: Vec::new(),
    };
    let method = "bestillerkontor.v1.VedtakService/EndreVedtak";
    let proposed: EndreVedtakResponse = ok(&author, method, change).await;
    let approve = GodkjennEndringRequest {
        name: vedtak.to_owned(),
        request_id: request_id(),
        etag: proposed.vedtak.unwrap().etag,
    };
    let method = "bestillerkontor.v1.VedtakService/GodkjennEndring";
    ok::<_, GodkjennEndringResponse>(&decider, method, approve).await;
}

/// An amended decision becomes a task until what is granted is read anew; what
/// is delivered without an order ends by the unit's own word, the other not.
///
/// Seen red: with a grant that is read anew and whose task waits on.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_follows_what_is_granted() {
    Box::pin(life(&Scene::start().await)).await;
}

pub async fn life(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let casework = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let staff = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let ordered = under_order(scene, &case).await;
    let granted = |tiltak: &Tiltak| -> Vec<(f64, f64)> {
        let rammer = tiltak.rammer.iter();
        rammer.map(|one| (one.min_timer, one.maks_timer)).collect()
    };
    assert_eq!(granted(&ordered), [(2.0, 4.0)]);
    // On the heap: what it sends is large.
    Box::pin(amended(scene, &case.vedtak)).await;
    task_about(scene, Oppgavetype::OppdaterTiltak, &ordered.oppdrag).await;
    let update = OppdaterTiltakRequest {
        name: ordered.name.clone(),
        request_id: request_id(),
    };
    let updated: OppdaterTiltakResponse = ok(&casework, UPDATE, update).await;
    let updated = updated.tiltak.unwrap();
    assert_eq!(granted(&updated).last(), Some(&(2.0, 6.0)));
    assert_eq!(tasks(scene, Oppgavetype::OppdaterTiltak).await, []);

    // Two visits of the week, one of them in vain.
    let free = begin(scene, &case.person, "").await;
    assert!(free.rammer.is_empty() && free.avsluttet.is_none());
    for utfall in [Kontaktutfall::IkkeMott, Kontaktutfall::Mott] {
        let visit = RegistrerKontaktRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            r#type: Kontakttype::Besok.into(),
            utfall: utfall.into(),
            minutter: 90,
            tiltak: ordered.name.clone(),
            hjemmel: Some(basis("§ 3-2")),
            ..Default::default()
        };
        let method = "rop.v1.KontaktService/RegistrerKontakt";
        ok::<_, RegistrerKontaktResponse>(&staff, method, visit).await;
    }
    let leader = scene.desk("rop", Rolle::Leder, Formal::Oppfolging).await;
    let week = || ListEnhetensLeveringerRequest {
        parent: "enheter/rop".to_owned(),
        uke: day(scene, 0).to_string(),
        ..Default::default()
    };
    let delivered: ListEnhetensLeveringerResponse = ok(&leader, WEEK, week()).await;
    let mut rows: Vec<(String, f64, i32, i32)> = delivered
        .leveringer
        .into_iter()
        .map(|row| (row.tiltak, row.levert, row.kontakter, row.ikke_mott))
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.2));
    assert_eq!(
        rows,
        [
            (ordered.name.clone(), 1.5, 2, 1),
            (free.name.clone(), 0.0, 0, 0)
        ]
    );
    let bom = scene.desk("bom", Rolle::Leder, Formal::Oppfolging).await;
    refused::<_, ListEnhetensLeveringerResponse>(&bom, WEEK, week()).await;

    let end = |name: &str| AvsluttTiltakRequest {
        name: name.to_owned(),
        request_id: request_id(),
        begrunnelse: format!("Målet er nådd. {KANARI}"),
    };
    let status = refused::<_, AvsluttTiltakResponse>(&casework, END, end(&ordered.name)).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));
    let ended: AvsluttTiltakResponse = ok(&casework, END, end(&free.name)).await;
    let ended = ended.tiltak.unwrap();
    assert!(ended.avsluttet.is_some());
    let status = refused::<_, AvsluttTiltakResponse>(&casework, END, end(&free.name)).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigOvergang));

    // Bestillerkontor reads what came of its decision, and the person too.
    let author = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let named = HentTiltakRequest {
        name: free.name.clone(),
    };
    let read: HentTiltakResponse = ok(&author, READ, named).await;
    assert_eq!(read.tiltak.unwrap().avslutning, ended.avslutning);
    let listed = || ListTiltakRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let herself = scene.person_desk(&case.person).await;
    for desk in [&author, &herself] {
        let list: ListTiltakResponse = ok(desk, LIST, listed()).await;
        let names: Vec<&str> = list.tiltak.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, [&free.name, &ordered.name]);
    }
    let other = scene.desk("bom", Rolle::Miljo, Formal::Ytelse).await;
    let theirs: ListTiltakResponse = ok(&other, LIST, listed()).await;
    assert_eq!(theirs.tiltak, []);
}
