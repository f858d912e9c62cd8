//! The assessment for the safety of staff, as its owner, a unit that visits and
//! the person see it.

use std::time::Duration;

use samspor_proto::{
    felles::Rolle,
    rop::*,
    tilgang::{Dataklasse, Formal},
};
use tonic::Code;

use super::KANARI;
use crate::scene::*;

const REGISTER: &str = "rop.v1.RisikovurderingService/RegistrerRisikovurdering";
const READ: &str = "rop.v1.RisikovurderingService/HentRisikovurdering";
const HOLDS: &str = "rop.v1.RisikovurderingService/HentGjeldendeRisikovurdering";
const LIST: &str = "rop.v1.RisikovurderingService/ListRisikovurderinger";

/// A unit that visits sees the level and the measures of the one that holds, and
/// not what it builds on; the person sees what is not exempt.
///
/// Seen red: with an assessment that holds on after it was replaced.
#[tokio::test(flavor = "multi_thread")]
async fn who_visits_sees_the_risk_that_holds_and_no_diagnosis() {
    life(&Scene::start().await).await;
}

pub async fn life(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    scene.journal(&case.person).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let until = scene.mesh.now().plus(Duration::from_hours(30 * 24));
    let red = RegistrerRisikovurderingRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        niva: Risikoniva::Rod.into(),
        tiltak: vec![Risikotiltak::ToAnsatte.into(), Risikotiltak::Alarm.into()],
        tiltak_merknad: "Møt ved døren.".to_owned(),
        kilde: Risikokilde::Politi.into(),
        grunnlag: format!("Truet ansatt. {KANARI}"),
        tidligere_dom: format!("Dom for vold. {KANARI}"),
        utloper: Some(until.to_proto()),
        unntatt_innsyn: true,
        unntatt_begrunnelse: format!("Fare for en annen. {KANARI}"),
        hjemmel: Some(basis("§ 3-2")),
    };
    let red: RegistrerRisikovurderingResponse = ok(&clinician, REGISTER, red).await;
    let red = red.risikovurdering.unwrap();
    let listed = || ListRisikovurderingerRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let named = |name: &str| HentRisikovurderingRequest {
        name: name.to_owned(),
    };

    // The owner: both, with what they build on.
    let all: ListRisikovurderingerResponse = ok(&clinician, LIST, listed()).await;
    let [newest, oldest] = &all.risikovurderinger[..] else {
        panic!("{all:?}");
    };
    assert!(newest.gjeldende && !oldest.gjeldende);
    assert_eq!((&newest.name, &newest.erstatter), (&red.name, &oldest.name));
    assert_eq!(oldest.niva(), Risikoniva::Gul);
    let read: HentRisikovurderingResponse = ok(&clinician, READ, named(&oldest.name)).await;
    assert_eq!(read.risikovurdering.unwrap().grunnlag, oldest.grunnlag);

    // A unit that visits: the one that holds, and what to do about it.
    let bom = scene.desk("bom", Rolle::Miljo, Formal::Sikkerhet).await;
    let theirs: ListRisikovurderingerResponse = ok(&bom, LIST, listed()).await;
    let [holds] = &theirs.risikovurderinger[..] else {
        panic!("{theirs:?}");
    };
    let one: HentRisikovurderingResponse = ok(&bom, READ, named(&red.name)).await;
    let current = HentGjeldendeRisikovurderingRequest {
        parent: case.person.clone(),
    };
    let current: HentGjeldendeRisikovurderingResponse = ok(&bom, HOLDS, current).await;
    let read = [one.risikovurdering, current.risikovurdering].map(Option::unwrap);
    for seen in [holds].into_iter().chain(&read) {
        assert_eq!((&seen.name, seen.niva()), (&red.name, Risikoniva::Rod));
        assert_eq!(seen.tiltak, red.tiltak);
        assert_eq!(seen.tiltak_merknad, "Møt ved døren.");
        assert!(seen.grunnlag.is_empty() && seen.tidligere_dom.is_empty());
        assert!(seen.unntatt_begrunnelse.is_empty());
        assert_eq!(seen.kilde(), Risikokilde::Unspecified);
        let withheld = &seen.skjerming.as_ref().unwrap().klasser;
        assert!(withheld.iter().any(|one| one.klasse() == Dataklasse::Helse));
    }
    let gone = refused::<_, HentRisikovurderingResponse>(&bom, READ, named(&oldest.name)).await;
    assert_eq!(gone.code(), Code::NotFound);
    // For safety, and for no other purpose.
    let curious = scene.desk("bom", Rolle::Miljo, Formal::Ytelse).await;
    refused::<_, HentRisikovurderingResponse>(&curious, READ, named(&red.name)).await;

    // The person: what is not exempt, with what it builds on.
    let herself = scene.person_desk(&case.person).await;
    let hers: ListRisikovurderingerResponse = ok(&herself, LIST, listed()).await;
    let names: Vec<&str> = hers
        .risikovurderinger
        .iter()
        .map(|r| r.name.as_str())
        .collect();
    assert_eq!(names, [&oldest.name]);
    assert_eq!(hers.risikovurderinger[0].grunnlag, oldest.grunnlag);
    refused::<_, HentRisikovurderingResponse>(&herself, READ, named(&red.name)).await;
}
