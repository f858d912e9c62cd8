//! What the person says of the service, and that it is answered.

use samspor_chassis::{domene::kalender, tid::Tid};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    rop::*,
    tilgang::Formal,
};

use super::{KANARI, task_about, tasks};
use crate::scene::*;

const GIVE: &str = "rop.v1.TilbakemeldingService/GiTilbakemelding";
const ANSWER: &str = "rop.v1.TilbakemeldingService/BesvarTilbakemelding";
const READ: &str = "rop.v1.TilbakemeldingService/HentTilbakemelding";
const LIST: &str = "rop.v1.TilbakemeldingService/ListTilbakemeldinger";
const UNANSWERED: &str = "rop.v1.TilbakemeldingService/ListUbesvarteTilbakemeldinger";

/// A low score waits for an answer within ten working days; the answer ends both
/// tasks, and the person reads what changes.
///
/// Seen red: with an answer that leaves the task of the low score.
#[tokio::test(flavor = "multi_thread")]
async fn feedback_waits_until_it_is_answered_and_the_person_reads_it() {
    life(&Scene::start().await).await;
}

pub async fn life(scene: &Scene) {
    use Oppgavetype::{FitUnderGrensen, Tilbakemelding as Svar};
    let case = scene.case(NUMBERS[0]).await;
    let herself = scene.person_desk(&case.person).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let leader = scene.desk("rop", Rolle::Leder, Formal::Oppfolging).await;
    let low = GiTilbakemeldingRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        r#type: Tilbakemeldingstype::Fit.into(),
        skjema: Fitskjema::Srs.into(),
        skar_tideler: 120,
        har_skar: true,
        tekst: format!("Dere hørte ikke etter. {KANARI}"),
    };
    let given: GiTilbakemeldingResponse = ok(&herself, GIVE, low).await;
    let given = given.tilbakemelding.unwrap();
    assert!(given.under_grensen && !given.pa_vegne_av);
    let at = Tid::try_from(given.registrert.unwrap()).unwrap();
    let due = kalender::arbeidsdager_etter(at, 10).to_proto();
    assert_eq!(given.svarfrist, Some(due));

    let waiting = || ListUbesvarteTilbakemeldingerRequest {
        parent: "enheter/rop".to_owned(),
        ..Default::default()
    };
    let wait: ListUbesvarteTilbakemeldingerResponse = ok(&leader, UNANSWERED, waiting()).await;
    let [waits] = &wait.tilbakemeldinger[..] else {
        panic!("{wait:?}");
    };
    // The leader follows that it is answered, and reads no health.
    assert_eq!((&waits.name, waits.svarfrist), (&given.name, Some(due)));
    assert!(waits.tekst.is_empty() && waits.skar_tideler == 0);
    let answer_due = task_about(scene, Svar, &given.name).await;
    assert_eq!(answer_due.frist, Some(due));
    let soon = task_about(scene, FitUnderGrensen, &given.name).await;
    assert!(Tid::try_from(soon.frist.unwrap()).unwrap() < Tid::try_from(due).unwrap());

    let answer = || BesvarTilbakemeldingRequest {
        name: given.name.clone(),
        request_id: request_id(),
        svar: format!("Takk for at du sier fra. {KANARI}"),
        endring: format!("Du velger tema først. {KANARI}"),
    };
    let answered: BesvarTilbakemeldingResponse = ok(&clinician, ANSWER, answer()).await;
    let answered = answered.tilbakemelding.unwrap();
    assert_eq!(
        answered.besvart_av.as_ref().unwrap().ansatt,
        "rop-behandler"
    );
    let status = refused::<_, BesvarTilbakemeldingResponse>(&clinician, ANSWER, answer()).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigOvergang));
    for kind in [Svar, FitUnderGrensen] {
        assert_eq!(tasks(scene, kind).await, []);
    }
    let wait: ListUbesvarteTilbakemeldingerResponse = ok(&leader, UNANSWERED, waiting()).await;
    assert_eq!(wait.tilbakemeldinger, []);

    let named = HentTilbakemeldingRequest {
        name: given.name.clone(),
    };
    let read: HentTilbakemeldingResponse = ok(&herself, READ, named).await;
    let read = read.tilbakemelding.unwrap();
    assert_eq!(
        (&read.svar, &read.endring),
        (&answered.svar, &answered.endring)
    );
    assert_eq!(read.besvart, answered.besvart);
    // Staff register for the person too; newest first.
    let words = GiTilbakemeldingRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        r#type: Tilbakemeldingstype::Brukererfaring.into(),
        tekst: format!("Det ble bedre. {KANARI}"),
        ..Default::default()
    };
    ok::<_, GiTilbakemeldingResponse>(&clinician, GIVE, words).await;
    let listed = ListTilbakemeldingerRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let list: ListTilbakemeldingerResponse = ok(&herself, LIST, listed).await;
    let rows = list.tilbakemeldinger.iter();
    let rows: Vec<(bool, bool)> = rows
        .map(|one| (one.pa_vegne_av, one.svar.is_empty()))
        .collect();
    assert_eq!(rows, [(true, true), (false, false)]);
}
