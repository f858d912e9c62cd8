//! A mandate to review an incident: from two roles to its end.

use std::time::Duration;

use prost::Message as _;
use samspor_chassis::tid::{Clock as _, SystemClock, Tid};
use samspor_proto::{
    felles::Rolle,
    gateway::*,
    hendelse::*,
    rop::{HentKriseplanRequest, HentKriseplanResponse},
    tilgang::{Dataklasse, Formal},
};
use tonic::Code;

use crate::scene::{Case, Journal, NUMBERS, Scene, ok, refused, request_id, seen, strict};
use crate::{handovers::until, sammenslaing};
use samspor::{
    desk::Desk,
    gransk::{Rapport, Utsnitt},
};

const HOUR: Duration = Duration::from_hours(1);
const LIST: &str = "hendelse.v1.HendelseService/ListHendelser";
const PLAN: &str = "rop.v1.KriseplanService/HentKriseplan";

/// A mandate over the last hour and the next, without the right to health.
fn mandate(person: &str) -> ApneGranskingRequest {
    let now = SystemClock.now();
    ApneGranskingRequest {
        parent: "enheter/personvern".to_owned(),
        request_id: request_id(),
        gransker: "koordinering-gransker".to_owned(),
        gransker_enhet: "enheter/koordinering".to_owned(),
        enheter: vec![
            "enheter/rop".to_owned(),
            "enheter/bestillerkontor".to_owned(),
        ],
        personer: vec![person.to_owned()],
        fra: Some(now.minus(HOUR).to_proto()),
        til: Some(now.plus(HOUR).to_proto()),
        utloper: Some(now.plus(HOUR * 24).to_proto()),
        mandat: "Hvorfor visste ingen om utskrivningen?".to_owned(),
        ..ApneGranskingRequest::default()
    }
}

/// Opens a mandate and has it approved; gives its name and the reviewer.
async fn approved(scene: &Scene, request: ApneGranskingRequest) -> (String, Desk) {
    let leader = scene
        .desk("personvern", Rolle::Leder, Formal::Kontroll)
        .await;
    let ombud = scene
        .desk("personvern", Rolle::Personvernombud, Formal::Kontroll)
        .await;
    let opened: ApneGranskingResponse = ok(
        &leader,
        "gateway.v1.GranskingService/ApneGransking",
        request,
    )
    .await;
    let Gransking { name, etag, .. } = opened.gransking.unwrap();
    let request = GodkjennGranskingRequest {
        name: name.clone(),
        request_id: request_id(),
        etag,
    };
    let method = "gateway.v1.GranskingService/GodkjennGransking";
    ok::<_, GodkjennGranskingResponse>(&ombud, method, request).await;
    let reviewer = scene
        .desk("koordinering", Rolle::Gransker, Formal::Gransking)
        .await
        .with_case(&name);
    (name, reviewer)
}

fn events(person: &str, service: &str) -> ListHendelserRequest {
    let now = SystemClock.now();
    ListHendelserRequest {
        parent: person.to_owned(),
        tjeneste: service.to_owned(),
        fra: Some(now.minus(HOUR).to_proto()),
        til: Some(now.plus(HOUR).to_proto()),
        ..ListHendelserRequest::default()
    }
}

/// Two roles open it; the reviewer reads what happened in the period, across the
/// services, and nothing of health; each reading is in the person's log with the
/// mandate as its case; when it ends, it is as if there never was one.
#[tokio::test(flavor = "multi_thread")]
async fn a_review_begins_with_two_roles_and_ends_with_the_mandate() {
    Box::pin(review(&Scene::start().await)).await;
}

pub async fn review(scene: &Scene) {
    let Case { person, .. } = scene.case(NUMBERS[0]).await;
    let Journal { plan, .. } = scene.journal(&person).await;
    let stranger = scene
        .desk("koordinering", Rolle::Gransker, Formal::Gransking)
        .await
        .with_case("granskinger/01920000-0000-7000-8000-000000000001");
    let unknown =
        refused::<_, ListHendelserResponse>(&stranger, LIST, events(&person, "rop")).await;
    assert_eq!(unknown.code(), Code::NotFound);

    // The mandate is the employee's in the unit that it names, and in no other.
    let mut elsewhere = mandate(&person);
    "enheter/nav".clone_into(&mut elsewhere.gransker_enhet);
    let (_, other) = approved(scene, elsewhere).await;
    let nothing = refused::<_, ListHendelserResponse>(&other, LIST, events(&person, "rop")).await;
    assert_eq!(seen(&nothing), seen(&unknown));

    let (name, reviewer) = approved(scene, mandate(&person)).await;
    let mut types = Vec::new();
    for service in [
        "bestillerkontor",
        "rop",
        "nav",
        "boligkontor",
        "koordinering",
    ] {
        let page: ListHendelserResponse = ok(&reviewer, LIST, events(&person, service)).await;
        types.extend(page.hendelser.into_iter().map(|event| event.r#type));
    }
    for type_ in ["SoknadMottatt", "VedtakFattet"] {
        assert!(types.iter().any(|told| told == type_), "{type_}: {types:?}");
    }
    let ListHendelserRequest {
        parent, fra, til, ..
    } = events(&person, "");
    let runs: ListFristerResponse = ok(
        &reviewer,
        "hendelse.v1.HendelseService/ListFrister",
        ListFristerRequest {
            parent,
            tjeneste: "bestillerkontor".to_owned(),
            fra,
            til,
            ..ListFristerRequest::default()
        },
    )
    .await;
    assert!(!runs.frister.is_empty(), "no deadline ran");

    let read = || HentKriseplanRequest { name: plan.clone() };
    let without: HentKriseplanResponse = ok(&reviewer, PLAN, read()).await;
    let health = b"Kanari";
    let holds = |bytes: Vec<u8>| bytes.windows(health.len()).any(|part| part == health);
    assert!(!holds(without.encode_to_vec()), "health without mandate");
    let mut wider = mandate(&person);
    wider.klasser = vec![Dataklasse::Helse.into()];
    let (_, wider) = approved(scene, wider).await;
    let with: HentKriseplanResponse = ok(&wider, PLAN, read()).await;
    assert!(holds(with.encode_to_vec()), "the mandate says health");
    // The other mandate is the same employee's: the call refers to one.
    let without: HentKriseplanResponse = ok(&reviewer, PLAN, read()).await;
    assert!(!holds(without.encode_to_vec()), "health by another mandate");

    let log: ListInnsynResponse = ok(
        &scene.person_desk(&person).await,
        "gateway.v1.InnsynsloggService/ListInnsyn",
        ListInnsynRequest {
            parent: person.clone(),
            page_size: 200,
            ..ListInnsynRequest::default()
        },
    )
    .await;
    let readings = log.innsyn.iter().filter(|row| row.sak == name).count();
    assert!(readings >= 5, "{readings} readings in the person's log");

    let ombud = scene
        .desk("personvern", Rolle::Personvernombud, Formal::Kontroll)
        .await;
    let listed: ListGranskingerResponse = ok(
        &ombud,
        "gateway.v1.GranskingService/ListGranskinger",
        ListGranskingerRequest {
            parent: "enheter/personvern".to_owned(),
            ..ListGranskingerRequest::default()
        },
    )
    .await;
    assert_eq!(listed.granskinger.len(), 3);
    let own: HentGranskingResponse = ok(
        &reviewer,
        "gateway.v1.GranskingService/HentGransking",
        HentGranskingRequest { name: name.clone() },
    )
    .await;
    assert!(!own.gransking.unwrap().mandat.is_empty());

    let end = AvsluttGranskingRequest {
        name,
        request_id: request_id(),
    };
    let method = "gateway.v1.GranskingService/AvsluttGransking";
    // Nobody ends the review of the own unit.
    let reviewed = scene.desk("rop", Rolle::Leder, Formal::Kontroll).await;
    let status = refused::<_, AvsluttGranskingResponse>(&reviewed, method, end.clone()).await;
    assert_eq!(status.code(), Code::NotFound);
    ok::<_, AvsluttGranskingResponse>(&ombud, method, end).await;
    let after = refused::<_, ListHendelserResponse>(&reviewer, LIST, events(&person, "rop")).await;
    assert_eq!(seen(&after), seen(&unknown));
}

/// What happened outside the period of the mandate is not told, whatever period
/// the reviewer asks for.
#[tokio::test(flavor = "multi_thread")]
async fn a_review_does_not_leave_its_period() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[1]).await;
    scene.ready(&person).await;
    let mut earlier = mandate(&person);
    let an_hour_ago = SystemClock.now().minus(HOUR);
    earlier.fra = Some(Tid(an_hour_ago.0 - 3_600_000_000).to_proto());
    earlier.til = Some(an_hour_ago.to_proto());
    let (_, reviewer) = approved(&scene, earlier).await;
    let page: ListHendelserResponse = ok(&reviewer, LIST, events(&person, "bestillerkontor")).await;
    assert!(page.hendelser.is_empty(), "{:?}", page.hendelser);

    let (_, reviewer) = approved(&scene, mandate(&person)).await;
    let page: ListHendelserResponse = ok(&reviewer, LIST, events(&person, "bestillerkontor")).await;
    assert!(!page.hendelser.is_empty());
}

/// A mandate that is opened from a trace names whom its calls were about, but
/// nobody who is strictly protected: a trace of theirs is as one that nobody
/// knows. It opens nothing of who became so.
#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_does_not_tell_of_the_protected() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[2]).await;
    scene.ready(&person).await;
    let trace = scene
        .log()
        .await
        .into_iter()
        .find(|row| row.metode.ends_with("MottaSoknad"))
        .unwrap()
        .sporings_id;
    let from_trace = || {
        let mut request = mandate(&person);
        request.personer.clear();
        request.sporings_id.clone_from(&trace);
        request
    };
    let leader = scene
        .desk("personvern", Rolle::Leder, Formal::Kontroll)
        .await;
    let open = "gateway.v1.GranskingService/ApneGransking";
    let opened: ApneGranskingResponse = ok(&leader, open, from_trace()).await;
    // Whom a trace was about is told once two have said yes.
    let Gransking {
        name,
        etag,
        personer,
        ..
    } = opened.gransking.unwrap();
    assert!(personer.is_empty(), "{personer:?}");
    let ombud = scene
        .desk("personvern", Rolle::Personvernombud, Formal::Kontroll)
        .await;
    let request_id = request_id();
    let approve = GodkjennGranskingRequest {
        name,
        request_id,
        etag,
    };
    let method = "gateway.v1.GranskingService/GodkjennGransking";
    let approved_now: GodkjennGranskingResponse = ok(&ombud, method, approve).await;
    assert_eq!(
        approved_now.gransking.unwrap().personer,
        std::slice::from_ref(&person)
    );
    let mut wrong = from_trace();
    wrong.sporings_id = "ab".repeat(16);
    let status = refused::<_, ApneGranskingResponse>(&leader, open, wrong).await;
    assert_eq!(status.code(), Code::InvalidArgument);

    let (_, reviewer) = approved(&scene, mandate(&person)).await;
    ok::<_, ListHendelserResponse>(&reviewer, LIST, events(&person, "bestillerkontor")).await;
    scene
        .protect("bestillerkontor", strict(&person, &["bestillerkontor"]))
        .await;
    // As of somebody of whom nothing is known.
    let page: ListHendelserResponse = ok(&reviewer, LIST, events(&person, "bestillerkontor")).await;
    assert!(page.hendelser.is_empty(), "{:?}", page.hendelser);
    let hidden = refused::<_, ApneGranskingResponse>(&leader, open, from_trace()).await;
    assert_eq!(
        (hidden.code(), hidden.message(), hidden.details()),
        (status.code(), status.message(), status.details())
    );
}

/// Seen red: with whoever is protected told of as any other id.
#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_does_not_tell_of_a_merged_id_that_is_protected() {
    let scene = Scene::start().await;
    let (remains, before) = (
        scene.person(NUMBERS[0]).await,
        scene.person(NUMBERS[1]).await,
    );
    scene.ready(&before).await;
    sammenslaing::merge(&scene, &remains, &before).await;
    scene
        .protect("bestillerkontor", strict(&before, &["bestillerkontor"]))
        .await;
    let (name, reviewer) = approved(&scene, mandate(&remains)).await;
    let method = "gateway.v1.GranskingService/HentGransking";
    let read: HentGranskingResponse = ok(&reviewer, method, HentGranskingRequest { name }).await;
    assert_eq!(read.gransking.unwrap().personer, [remains]);
}

/// A merge carries what opens, so a mandate reaches every id of the person, and
/// the review is told of them for as long as the merge holds.
///
/// Seen red: with the ids that the mandate names alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_reaches_what_stands_under_a_merged_id() {
    let scene = Scene::start().await;
    let (remains, before) = (
        scene.person(NUMBERS[0]).await,
        scene.person(NUMBERS[1]).await,
    );
    scene.ready(&before).await;
    let (name, reviewer) = approved(&scene, mandate(&remains)).await;
    let told = async || {
        let request = HentGranskingRequest { name: name.clone() };
        let method = "gateway.v1.GranskingService/HentGransking";
        let read: HentGranskingResponse = ok(&reviewer, method, request).await;
        read.gransking.unwrap().personer
    };
    assert_eq!(told().await, std::slice::from_ref(&remains));
    let asked = || events(&before, "bestillerkontor");
    let closed = refused::<_, ListHendelserResponse>(&reviewer, LIST, asked()).await;
    assert_eq!(closed.code(), Code::NotFound);

    let held = sammenslaing::merge(&scene, &remains, &before).await;
    let persons = until(async || {
        let persons = told().await;
        (persons.len() > 1).then_some(persons)
    })
    .await;
    assert_eq!(persons, [remains.clone(), before.clone()]);
    let page: ListHendelserResponse = ok(&reviewer, LIST, asked()).await;
    assert!(!page.hendelser.is_empty());

    let now = SystemClock.now();
    let report = Rapport::hent(&reviewer, &name, Utsnitt::default(), now);
    let report = report.await.unwrap();
    let under_it = |post: &String| post.starts_with(&before);
    let entries = report.linje.innslag.iter();
    assert!(entries.flat_map(|entry| &entry.poster).any(under_it));

    sammenslaing::doubt(&scene, held).await;
    until(async || (told().await == [remains.clone()]).then_some(())).await;
    let closed = refused::<_, ListHendelserResponse>(&reviewer, LIST, asked()).await;
    assert_eq!(closed.code(), Code::NotFound);
}
