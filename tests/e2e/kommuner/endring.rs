//! A vedtak that goes on in another form, by version and by the unit that
//! decided it. What another unit decided for the same person stays as it is.

use samspor::desk::Desk;
use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    rop::{ListAapneNotaterRequest, ListAapneNotaterResponse},
    tilgang::Formal,
};
use tonic::Status;
use tonic_types::StatusExt as _;

use super::{BOM, Kommune, LINJER, ROP, Sak, VEDTAK, authority, sak};
use crate::{
    bestiller_forlop::{oppdrag, reported, told, vedtak},
    handovers::until,
    scene::*,
};

/// Units that decide somewhere, and one that decides nowhere.
pub(super) const ENHETER: [&str; 4] = ["bestillerkontor", "rop", "hjemmetjeneste", "bom"];

/// The unit that decided a vedtak, at its desks.
pub(super) struct Myndighet {
    pub(super) unit: String,
    pub(super) name: String,
    pub(super) caseworker: Desk,
    pub(super) decider: Desk,
}

impl Myndighet {
    /// Who decided the vedtak that a line is in.
    pub(super) async fn over(kommune: &Kommune, case: &Sak, place: usize) -> Self {
        let (unit, name) = case.of(place, &kommune.deciders()).clone();
        let formal = Formal::Saksbehandling;
        let desk = async |rolle| kommune.scene.desk(&unit, rolle, formal).await;
        Self {
            caseworker: desk(Rolle::Saksbehandler).await,
            decider: desk(Rolle::Beslutter).await,
            unit,
            name,
        }
    }

    pub(super) async fn vedtak(&self) -> Vedtak {
        vedtak(&self.caseworker, &self.name).await
    }

    async fn propose(&self, content: Vedtak, ends: Vec<Linjeslutt>) -> Result<Vedtak, Status> {
        let request = amendment(&self.name, content, ends);
        let method = format!("{VEDTAK}/EndreVedtak");
        let answer = self
            .caseworker
            .call::<_, EndreVedtakResponse>(&method, request);
        answer.await.result.map(|proposed| proposed.vedtak.unwrap())
    }

    /// Decides what waits.
    pub(super) async fn approve(&self) -> Result<Vedtak, Status> {
        approved(&self.decider, &self.vedtak().await).await
    }

    pub(super) async fn amended(&self, content: Vedtak, ends: Vec<Linjeslutt>) -> Vedtak {
        self.propose(content, ends).await.unwrap();
        self.approve().await.unwrap()
    }
}

fn amendment(name: &str, content: Vedtak, linjeslutt: Vec<Linjeslutt>) -> EndreVedtakRequest {
    EndreVedtakRequest {
        name: name.to_owned(),
        request_id: request_id(),
        etag: content.etag.clone(),
        vedtak: Some(content),
        begrunnelse: "Behovet er et annet.".to_owned(),
        linjeslutt,
    }
}

async fn approved(desk: &Desk, waiting: &Vedtak) -> Result<Vedtak, Status> {
    let request = GodkjennEndringRequest {
        name: waiting.name.clone(),
        request_id: request_id(),
        etag: waiting.etag.clone(),
    };
    let method = format!("{VEDTAK}/GodkjennEndring");
    let answer = desk.call::<_, GodkjennEndringResponse>(&method, request);
    answer.await.result.map(|changed| changed.vedtak.unwrap())
}

/// The line that a unit delivers.
pub(super) fn line_of<'a>(content: &'a mut Vedtak, unit: &str) -> &'a mut Tjenestelinje {
    let unit = format!("enheter/{unit}");
    let mut lines = content.linjer.iter_mut();
    lines.find(|line| line.enheter == [unit.clone()]).unwrap()
}

/// The field that a refusal names, and what it says of it.
fn fault(status: &Status) -> (String, String) {
    let details = status.get_details_bad_request();
    let fault = details.unwrap_or_else(|| panic!("{status:?}"));
    let fault = fault.field_violations.into_iter().next().unwrap();
    (fault.field, fault.description)
}

/// What the person has: each vedtak, its version and its state.
pub(super) async fn versions(
    kommune: &Kommune,
    person: &str,
) -> Vec<(String, i32, VedtakTilstand)> {
    let herself = kommune.scene.person_desk(person).await;
    let request = ListVedtakRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let all: ListVedtakResponse = ok(&herself, &format!("{VEDTAK}/ListVedtak"), request).await;
    let each = all.vedtak.into_iter();
    let mut each: Vec<_> = each
        .map(|one| (one.name.clone(), one.versjon, one.tilstand()))
        .collect();
    each.sort_unstable();
    each
}

/// More hours, and one unit instead of another: two versions of the vedtak in
/// which the line is, by the unit that decided it, and no new case. What a
/// version adds is that unit's to decide too. Who delivers now reads what the
/// municipality shares with who delivers, and who delivered reads it no more.
///
/// Seen red: without `krev_myndighet` in `ny_versjon`, in Sarpsborg; with the
/// orders of a version left as they were.
pub(super) async fn a_vedtak_is_amended_and_a_unit_switched(kommune: Kommune) {
    let case = Box::pin(kommune.case()).await;
    let before = versions(&kommune, &case.person).await;
    assert_eq!(before.len(), case.vedtak.len());
    let own = Myndighet::over(&kommune, &case, BOM).await;
    Box::pin(by_nobody_else(&kommune, &own)).await;
    Box::pin(more_hours(&kommune, &case, &own)).await;
    Box::pin(switched(&kommune, &case, &own)).await;
    let after = before
        .into_iter()
        .map(|(name, version, state)| match name == own.name {
            true => (name, version + 2, VedtakTilstand::Fattet),
            false => (name, version, state),
        });
    let after: Vec<_> = after.collect();
    assert_eq!(versions(&kommune, &case.person).await, after);
}

/// Proposed by the unit that decided, and decided by another employee of it.
async fn by_nobody_else(kommune: &Kommune, own: &Myndighet) {
    let formal = Formal::Saksbehandling;
    let content = own.vedtak().await;
    for unit in ENHETER.into_iter().filter(|unit| *unit != own.unit) {
        let other = kommune.scene.desk(unit, Rolle::Saksbehandler, formal).await;
        let request = amendment(&own.name, content.clone(), Vec::new());
        let method = format!("{VEDTAK}/EndreVedtak");
        let status = refused::<_, EndreVedtakResponse>(&other, &method, request).await;
        assert_eq!(reason(&status), Some(Feilgrunn::IkkeFunnet), "{unit}");
    }
}

async fn more_hours(kommune: &Kommune, case: &Sak, own: &Myndighet) {
    let kind = Tjenestetype::Avlastning;
    let mut content = own.vedtak().await;
    let line = line_of(&mut content, "bom");
    assert_eq!(line.maks_timer, 4.0);
    line.maks_timer = 6.0;
    let more = Tjenestelinje {
        linje_id: String::new(),
        r#type: kind.into(),
        ..line.clone()
    };
    let mut wider = content.clone();
    wider.linjer.push(more);
    let (place, lines) = (content.linjer.len(), wider.linjer.len());
    let waiting = own.propose(wider, Vec::new()).await.unwrap();
    // Two employees everywhere.
    let id = format!("{}-saksbehandler", own.unit);
    let formal = Formal::Saksbehandling;
    let same = kommune
        .scene
        .desk_of(&own.unit, &id, Rolle::Beslutter, formal)
        .await;
    let alone = approved(&same, &waiting).await.unwrap_err();
    assert_eq!(reason(&alone), Some(Feilgrunn::IkkeTillatt));

    let holders = kommune.policy.municipality().holders_of(&authority(kind));
    let decided = own.approve().await;
    let amended = if holders == [own.unit.clone()] {
        assert!(kommune.waits_for("bom", Ventetype::Svar).await);
        let decided = decided.unwrap();
        assert_eq!(decided.linjer.len(), lines);
        decided
    } else {
        let (field, says) = fault(&decided.unwrap_err());
        assert_eq!(field, format!("vedtak.linjer[{place}].type"));
        assert!(says.contains(&authority(kind)), "{says}");
        assert!(!kommune.waits_for("bom", Ventetype::Svar).await);
        let request = AvvisEndringRequest {
            name: own.name.clone(),
            request_id: request_id(),
            begrunnelse: "Avlastning vedtas av en annen enhet.".to_owned(),
        };
        let method = format!("{VEDTAK}/AvvisEndring");
        ok::<_, AvvisEndringResponse>(&own.decider, &method, request).await;
        content.etag = own.vedtak().await.etag;
        own.amended(content, Vec::new()).await
    };
    assert_eq!(amended.versjon, 2);
    assert_eq!(amended.ansvarlig_enhet, format!("enheter/{}", own.unit));
    // The unit goes on, on the new terms.
    let (unit, order) = &case.oppdrag[BOM];
    let desk = kommune
        .scene
        .desk(unit, Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let read = oppdrag(&desk, order).await;
    assert_eq!(
        (read.tilstand(), read.maks_timer),
        (OppdragTilstand::Startet, 6.0)
    );
    told(&kommune.scene, unit, "OppdragEndret", order).await;
}

async fn switched(kommune: &Kommune, case: &Sak, own: &Myndighet) {
    Box::pin(kommune.scene.journal(&case.person)).await;
    assert_eq!(notes(kommune, "bom", case).await, shared(kommune, "bom"));
    assert_eq!(notes(kommune, "hjemmetjeneste", case).await, [false; 2]);

    let mut content = own.vedtak().await;
    let mut ends = Vec::new();
    for line in &mut content.linjer {
        if line.enheter == ["enheter/bom"] {
            line.enheter = vec!["enheter/hjemmetjeneste".to_owned()];
            ends.push(Linjeslutt {
                linje_id: line.linje_id.clone(),
                enhet: "enheter/bom".to_owned(),
                begrunnelse: "Vil ha folk som kommer på kvelden.".to_owned(),
                alternativ: "Hjemmetjenesten kommer i stedet.".to_owned(),
            });
        }
    }
    let unsaid = own.propose(content.clone(), Vec::new()).await.unwrap_err();
    assert_eq!(fault(&unsaid).0, "linjeslutt");
    let amended = own.amended(content, ends).await;
    assert_eq!(amended.versjon, 3);

    // In one step: who delivered is out, who is to deliver is asked.
    let (unit, order) = &case.oppdrag[BOM];
    reported(&kommune.scene, unit, order).await;
    let herself = kommune.scene.person_desk(&case.person).await;
    let ended = oppdrag(&herself, order).await;
    assert_eq!(ended.tilstand(), OppdragTilstand::Avsluttet);
    let goes_on = oppdrag(&herself, &case.oppdrag[ROP].1).await;
    assert_eq!(goes_on.tilstand(), OppdragTilstand::Startet);
    kommune.taken_on("hjemmetjeneste", &case.person).await;
    assert_eq!(notes(kommune, "bom", case).await, [false; 2]);
    let expected = shared(kommune, "hjemmetjeneste");
    assert_eq!(notes(kommune, "hjemmetjeneste", case).await, expected);

    // Each version stays as it was.
    for (versjon, unit, hours) in [(1, "bom", 4.0), (2, "bom", 6.0), (3, "hjemmetjeneste", 6.0)] {
        let request = HentVedtakRequest {
            name: own.name.clone(),
            versjon,
        };
        let method = format!("{VEDTAK}/HentVedtak");
        let found: HentVedtakResponse = ok(&herself, &method, request).await;
        let lines = found.vedtak.unwrap().linjer;
        let line = lines.iter().find(|line| line.r#type() == LINJER[BOM].1);
        let line = line.unwrap();
        assert_eq!(line.maks_timer, hours, "{versjon}");
        assert_eq!(line.enheter, [format!("enheter/{unit}")], "{versjon}");
    }
}

/// Whether the municipality shares notes with a unit that delivers: in daily
/// work, and in the meeting.
fn shared(kommune: &Kommune, unit: &str) -> [bool; 2] {
    let municipality = kommune.policy.municipality();
    let has = |function: &str| municipality.holders_of(function).contains(&unit.to_owned());
    [has("felles_journal"), has("journal_i_mote")]
}

/// Whether a unit reads the notes.
async fn notes(kommune: &Kommune, unit: &str, case: &Sak) -> [bool; 2] {
    let mut read = [false; 2];
    for (read, formal) in read.iter_mut().zip([Formal::Ytelse, Formal::Samordning]) {
        let desk = kommune.scene.desk(unit, Rolle::Saksbehandler, formal).await;
        let request = ListAapneNotaterRequest {
            parent: case.person.clone(),
            ..Default::default()
        };
        let method = "rop.v1.JournalService/ListAapneNotater";
        let answer = desk.call::<_, ListAapneNotaterResponse>(method, request);
        *read = answer
            .await
            .result
            .is_ok_and(|page| !page.notater.is_empty());
    }
    read
}

/// Prolonged after its evaluation, by the unit that decided it: it outlives its
/// first last day, and what another unit decided does not.
///
/// Seen red: without `evaluated`; with the deadlines of the version before, and
/// a last day that nobody looks at.
pub(super) async fn a_vedtak_is_renewed_after_an_evaluation(kommune: Kommune) {
    let case = Box::pin(kommune.case()).await;
    // Another's, with the same last day and never prolonged: when that has run
    // out, this would have.
    let control = kommune.scene.person(NUMBERS[1]).await;
    let control = Box::pin(kommune.decided(&control)).await;
    let own = Myndighet::over(&kommune, &case, BOM).await;
    for (unit, name) in &case.vedtak {
        Box::pin(sak::told(&kommune, unit, name)).await;
    }
    kommune.clock.days_pass(14);
    let mut content = own.vedtak().await;
    for line in &mut content.linjer {
        line.til = kommune.day(300);
    }
    let early = own.propose(content.clone(), Vec::new()).await.unwrap_err();
    assert_eq!(fault(&early).0, "vedtak.linjer");
    Box::pin(sak::evaluated(&kommune, &case)).await;
    content.etag = own.vedtak().await.etag;
    let renewed = own.amended(content, Vec::new()).await;
    assert_eq!(renewed.versjon, 2);
    told(&kommune.scene, "bom", "VedtakFornyet", &own.name).await;

    kommune.clock.days_pass(180);
    for (unit, name) in &control {
        let desk = kommune
            .scene
            .desk(unit, Rolle::Saksbehandler, Formal::Saksbehandling)
            .await;
        until(async || {
            (vedtak(&desk, name).await.tilstand() == VedtakTilstand::Utlopt).then_some(())
        })
        .await;
    }
    let herself = kommune.scene.person_desk(&case.person).await;
    for (place, (unit, order)) in case.oppdrag.iter().enumerate() {
        let (_, name) = case.of(place, &kommune.deciders());
        let (state, ordered) = match *name == own.name {
            true => (VedtakTilstand::Fattet, OppdragTilstand::Startet),
            false => (VedtakTilstand::Utlopt, OppdragTilstand::Avsluttet),
        };
        assert_eq!(vedtak(&herself, name).await.tilstand(), state, "{unit}");
        assert_eq!(oppdrag(&herself, order).await.tilstand(), ordered, "{unit}");
    }
}
