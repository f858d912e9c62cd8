//! Plans in versions, and the main pathway.

use std::time::Duration;

use samspor_proto::{
    felles::{Feilgrunn, Periode, Rolle},
    koordinering::{
        GiSamtykkeRequest, GiSamtykkeResponse, TrekkSamtykkeRequest, TrekkSamtykkeResponse,
    },
    rop::*,
    tilgang::{Dataklasse, Formal},
};

use super::{KANARI, day, task_about, tasks};
use crate::scene::*;

const WRITE: &str = "rop.v1.BehandlingsplanService/SkrivBehandlingsplan";
const READ: &str = "rop.v1.BehandlingsplanService/HentBehandlingsplan";
const VERSIONS: &str = "rop.v1.BehandlingsplanService/ListBehandlingsplaner";
const WRITE_CRISIS: &str = "rop.v1.KriseplanService/SkrivKriseplan";
const READ_CRISIS: &str = "rop.v1.KriseplanService/HentKriseplan";
const CRISIS: &str = "rop.v1.KriseplanService/ListKriseplaner";
const SET: &str = "rop.v1.HovedforlopService/SettHovedforlop";
const END: &str = "rop.v1.HovedforlopService/AvsluttHovedforlop";
const PATHWAYS: &str = "rop.v1.HovedforlopService/ListHovedforlop";

/// A plan of treatment that is evaluated and written anew, and a crisis plan
/// likewise: the person reads every version.
///
/// Seen red: with a new version that leaves the task to evaluate.
#[tokio::test(flavor = "multi_thread")]
async fn plans_are_written_anew_and_the_versions_stand() {
    versions(&Scene::start().await).await;
}

pub async fn versions(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let journal = scene.journal(&case.person).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let herself = scene.person_desk(&case.person).await;
    let version =
        |erstatter: &str, tilstand: MalTilstand, evaluering: &str| SkrivBehandlingsplanRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            erstatter: erstatter.to_owned(),
            mal: vec![Behandlingsmal {
                mal: format!("Sove hjemme. {KANARI}"),
                tiltak: vec![format!("Fast avtale hver uke. {KANARI}")],
                tilstand: tilstand.into(),
            }],
            problem: format!("Søvn og bruk. {KANARI}"),
            evalueres: day(scene, 7).to_string(),
            evaluering: evaluering.to_owned(),
            med_personen: true,
            hjemmel: Some(basis("§ 3-2")),
        };
    let first = version("", MalTilstand::Apent, "");
    let first: SkrivBehandlingsplanResponse = ok(&clinician, WRITE, first).await;
    let first = first.behandlingsplan.unwrap();
    assert_eq!((first.versjon, first.gjeldende), (1, true));
    // Due in a week: the unit is told of it now.
    let task = task_about(scene, Oppgavetype::Evaluering, &first.name).await;
    assert_eq!(task.frist, Some(day(scene, 7).slutt().to_proto()));

    let went = format!("Sover hjemme de fleste netter. {KANARI}");
    let blind = version("", MalTilstand::Nadd, "");
    let status = refused::<_, SkrivBehandlingsplanResponse>(&clinician, WRITE, blind).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UtdatertEtag));
    let second = SkrivBehandlingsplanRequest {
        evalueres: day(scene, 90).to_string(),
        ..version(&first.name, MalTilstand::Nadd, &went)
    };
    let second: SkrivBehandlingsplanResponse = ok(&clinician, WRITE, second).await;
    let second = second.behandlingsplan.unwrap();
    assert_eq!((second.versjon, &second.erstatter), (2, &first.name));
    assert_eq!(tasks(scene, Oppgavetype::Evaluering).await, []);

    let read = HentBehandlingsplanRequest {
        name: second.name.clone(),
    };
    let read: HentBehandlingsplanResponse = ok(&herself, READ, read).await;
    let read = read.behandlingsplan.unwrap();
    assert_eq!(
        (read.evaluering, read.mal[0].tilstand()),
        (went, MalTilstand::Nadd)
    );
    let listed = || ListBehandlingsplanerRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let all: ListBehandlingsplanerResponse = ok(&herself, VERSIONS, listed()).await;
    let holds = all.behandlingsplaner.iter();
    let holds: Vec<(i32, bool)> = holds.map(|one| (one.versjon, one.gjeldende)).collect();
    assert_eq!(holds, [(2, true), (1, false)]);
    let bom = scene.desk("bom", Rolle::Miljo, Formal::Samordning).await;
    let theirs: ListBehandlingsplanerResponse = ok(&bom, VERSIONS, listed()).await;
    assert_eq!(theirs.behandlingsplaner, []);

    // The crisis plan was written before; a new version names the next of kin.
    let crisis = SkrivKriseplanRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        varseltegn: format!("Slutter å svare. {KANARI}"),
        hjelper: format!("Ring søsteren. {KANARI}"),
        kontakter: vec![Krisekontakt {
            navn: "Kanari Kvitterson".to_owned(),
            relasjon: "søster".to_owned(),
            telefon: "01819010435".to_owned(),
        }],
        erstatter: journal.plan.clone(),
        med_personen: true,
        hjemmel: Some(basis("§ 3-2")),
        ..Default::default()
    };
    ok::<_, SkrivKriseplanResponse>(&clinician, WRITE_CRISIS, crisis).await;
    let listed = || ListKriseplanerRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let all: ListKriseplanerResponse = ok(&clinician, CRISIS, listed()).await;
    let [newest, oldest] = &all.kriseplaner[..] else {
        panic!("{all:?}");
    };
    assert_eq!((newest.versjon, newest.gjeldende), (2, true));
    assert_eq!(
        (&newest.erstatter, &oldest.name),
        (&journal.plan, &journal.plan)
    );
    assert_eq!(newest.kontakter[0].relasjon, "søster");
    let named = HentKriseplanRequest {
        name: newest.name.clone(),
    };
    let read: HentKriseplanResponse = ok(&herself, READ_CRISIS, named).await;
    assert_eq!(read.kriseplan.unwrap().varseltegn, newest.varseltegn);
    // A leader sees that there is one and what helps, and no health and no kin.
    let leader = scene.desk("rop", Rolle::Leder, Formal::Ytelse).await;
    let seen: ListKriseplanerResponse = ok(&leader, CRISIS, listed()).await;
    let seen = &seen.kriseplaner[0];
    assert!(seen.varseltegn.is_empty() && seen.kontakter.is_empty());
    assert_eq!(seen.hjelper, newest.hjelper);
}

/// The person lets one unit read one version of the crisis plan: that, and
/// nothing else of the class, nor the version that replaces it.
///
/// Guards against: a consent that states no record.
#[tokio::test(flavor = "multi_thread")]
async fn one_crisis_plan_is_shared_alone() {
    shared(&Scene::start().await).await;
}

pub async fn shared(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let plan = scene.journal(&case.person).await.plan;
    let herself = scene.person_desk(&case.person).await;
    let until = scene.mesh.now().plus(Duration::from_hours(24));
    let request = GiSamtykkeRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        enhet: "enheter/nav".to_owned(),
        rolle: Rolle::Saksbehandler.into(),
        klasser: [Dataklasse::Tjeneste, Dataklasse::Funksjon]
            .map(Into::into)
            .into(),
        formal: Formal::Samordning.into(),
        periode: Some(Periode {
            fra: None,
            til: Some(until.to_proto()),
        }),
        post: plan.clone(),
        ..Default::default()
    };
    let method = "koordinering.v1.SamtykkeService/GiSamtykke";
    let given: GiSamtykkeResponse = ok(&herself, method, request).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let named = |name: &str| HentKriseplanRequest {
        name: name.to_owned(),
    };
    let read: HentKriseplanResponse = ok(&nav, READ_CRISIS, named(&plan)).await;
    let read = read.kriseplan.unwrap();
    assert!(!read.hjelper.is_empty() && read.varseltegn.is_empty());
    // A class for itself would have opened the notes.
    let notes = ListAapneNotaterRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let method = "rop.v1.JournalService/ListAapneNotater";
    let notes: ListAapneNotaterResponse = ok(&nav, method, notes).await;
    assert_eq!(notes.notater, []);
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    refused::<_, HentKriseplanResponse>(&bom, READ_CRISIS, named(&plan)).await;

    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let newer = SkrivKriseplanRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        varseltegn: format!("Slutter å svare. {KANARI}"),
        hjelper: format!("Ring søsteren. {KANARI}"),
        erstatter: plan.clone(),
        med_personen: true,
        hjemmel: Some(basis("§ 3-2")),
        ..Default::default()
    };
    let newer: SkrivKriseplanResponse = ok(&clinician, WRITE_CRISIS, newer).await;
    let newer = newer.kriseplan.unwrap().name;
    refused::<_, HentKriseplanResponse>(&nav, READ_CRISIS, named(&newer)).await;
    let listed = ListKriseplanerRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let list: ListKriseplanerResponse = ok(&nav, CRISIS, listed).await;
    let list: Vec<(&str, bool)> = list
        .kriseplaner
        .iter()
        .map(|one| (one.name.as_str(), one.gjeldende))
        .collect();
    assert_eq!(
        list,
        [(plan.as_str(), false)],
        "and it is seen to be replaced"
    );

    let withdraw = TrekkSamtykkeRequest {
        name: given.samtykke.unwrap().name,
        request_id: request_id(),
    };
    let method = "koordinering.v1.SamtykkeService/TrekkSamtykke";
    ok::<_, TrekkSamtykkeResponse>(&herself, method, withdraw).await;
    refused::<_, HentKriseplanResponse>(&nav, READ_CRISIS, named(&plan)).await;
}

/// One pathway at a time: the next begins where the one before ends.
///
/// Seen red: with a pathway that does not end the one before.
#[tokio::test(flavor = "multi_thread")]
async fn one_main_pathway_at_a_time() {
    pathway(&Scene::start().await).await;
}

pub async fn pathway(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let set = async |forlop: Forlop, days| {
        let request = SettHovedforlopRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            forlop: forlop.into(),
            fra: day(scene, days).to_string(),
            begrunnelse: format!("Langvarig. {KANARI}"),
            hjemmel: Some(basis("§ 3-2")),
            ..Default::default()
        };
        let set: SettHovedforlopResponse = ok(&clinician, SET, request).await;
        set.hovedforlop.unwrap()
    };
    set(Forlop::To, -20).await;
    let second = set(Forlop::Tre, -5).await;
    assert!(second.til.is_empty());
    let end = |days| AvsluttHovedforlopRequest {
        name: second.name.clone(),
        request_id: request_id(),
        til: day(scene, days).to_string(),
        begrunnelse: format!("Flyttet til en annen kommune. {KANARI}"),
    };
    refused::<_, AvsluttHovedforlopResponse>(&clinician, END, end(-6)).await;
    refused::<_, AvsluttHovedforlopResponse>(&clinician, END, end(1)).await;
    ok::<_, AvsluttHovedforlopResponse>(&clinician, END, end(0)).await;
    let status = refused::<_, AvsluttHovedforlopResponse>(&clinician, END, end(0)).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigOvergang));

    let listed = ListHovedforlopRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let herself = scene.person_desk(&case.person).await;
    let list: ListHovedforlopResponse = ok(&herself, PATHWAYS, listed).await;
    let rows = list.hovedforlop.iter();
    let rows: Vec<(Forlop, String, String)> = rows
        .map(|one| (one.forlop(), one.fra.clone(), one.til.clone()))
        .collect();
    let at = |days| day(scene, days).to_string();
    assert_eq!(
        rows,
        [(Forlop::Tre, at(-5), at(0)), (Forlop::To, at(-20), at(-6))]
    );
    assert!(list.hovedforlop[0].begrunnelse.contains("Flyttet"));
}
