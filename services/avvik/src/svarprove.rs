//! What a reporter makes of the feedback, and who takes what names no unit; on
//! both databases.

use std::sync::Arc;

use samspor_chassis::{
    call::Call,
    store::Store,
    testing::{Database, TestCall, request_id},
};
use samspor_proto::{avvik::*, internt::Avviksmottak};

use crate::{
    anonym,
    anonymprove::{self, KODE, neste_dag, noen, sier},
    avvik::{
        prove::{
            aksepter, feil, hendelser, hos, kall, lager, les, melding_om_natt, meldt_som, uleste,
        },
        rpc,
    },
    innmelding,
};

samspor_chassis::on_both_databases! {
    feedback_that_a_reporter_disputes_reaches_who_sees_to_it,
    who_is_not_known_disputes_by_the_code,
    a_dispute_by_code_reaches_the_avvik_that_it_is_the_same_as,
    what_names_no_unit_goes_where_the_municipality_says,
}

async fn tilbakemeld(store: &Store, name: &str) -> Avvik {
    let feedback = GiTilbakemeldingRequest {
        name: name.into(),
        request_id: request_id(),
        tekst: "Vi har laget en vaktliste".into(),
        masker: false,
    };
    let told = kall!(store, hos("nav", "n1"), rpc::tilbakemeld, feedback).unwrap();
    told.avvik.unwrap()
}

fn svar(avvik: &Avvik, vurdering: Meldervurdering, tekst: &str) -> BesvarTilbakemeldingRequest {
    BesvarTilbakemeldingRequest {
        name: avvik.name.clone(),
        request_id: request_id(),
        etag: avvik.etag.clone(),
        vurdering: vurdering.into(),
        tekst: tekst.into(),
        masker: false,
    }
}

async fn steg(store: &Store, enhet: &str) -> Vec<Avvikssteg> {
    let unread = uleste(store, enhet).await;
    unread.iter().map(Avviksmelding::steg).collect()
}

fn mangler_tilbakemelding(avvik: &Avvik) -> Vec<&str> {
    let lacks = avvik.mangler.iter().map(String::as_str);
    lacks.filter(|one| one.starts_with("tilbake")).collect()
}

/// The unit that answers for it has an event and an entry, the avvik waits for new
/// feedback, and one that is satisfied makes it wait for nothing.
///
/// Seen red: with entries for the reporters alone, with feedback that counts
/// though it was disputed, and without the look at the version.
async fn feedback_that_a_reporter_disputes_reaches_who_sees_to_it(database: Database) {
    use Meldervurdering::{Fornoyd, Uenig, Unspecified};
    let store = lager(&database).await;
    let bom = || hos("bom", "b1");
    let name = meldt_som(&store, melding_om_natt()).await;
    let taken = aksepter(&store, &name, "nav").await;
    let early = kall!(store, bom(), rpc::besvar, svar(&taken, Fornoyd, ""));
    assert_eq!(feil(early), ["vurdering FELT_FORM"]);
    let told = tilbakemeld(&store, &name).await;
    assert!(mangler_tilbakemelding(&told).is_empty());

    for (request, faults) in [
        (svar(&told, Unspecified, ""), "vurdering FELT_UKJENT_VERDI"),
        (svar(&told, Uenig, " "), "tekst FELT_MANGLER"),
        (
            svar(&told, Uenig, "Gjelder 01819010001"),
            "tekst FELT_PERSONOPPLYSNING",
        ),
        (svar(&taken, Fornoyd, ""), "UTDATERT_ETAG"),
    ] {
        let refused = kall!(store, bom(), rpc::besvar, request);
        assert_eq!(feil(refused), [faults]);
    }
    let by_handler = kall!(
        store,
        hos("nav", "n1"),
        rpc::besvar,
        svar(&told, Fornoyd, "")
    );
    assert_eq!(feil(by_handler), ["IKKE_TILLATT"]);
    assert!(steg(&store, "nav").await.is_empty());

    let disputes = svar(&told, Uenig, "Vi var der, og ingen kom");
    let disputed = kall!(store, bom(), rpc::besvar, disputes).unwrap();
    let disputed = disputed.avvik.unwrap();
    assert_eq!(
        mangler_tilbakemelding(&disputed),
        ["tilbakemelding til enheter/bom etter innvendingen mot den forrige"]
    );
    let answer = &disputed.tilbakemeldinger[0].svar[0];
    assert_eq!(
        (answer.enhet.as_str(), answer.vurdering(), &*answer.tekst),
        ("enheter/bom", Uenig, "Vi var der, og ingen kom")
    );
    assert_eq!(steg(&store, "nav").await, [Avvikssteg::MelderUenig]);
    assert!(steg(&store, "boligkontor").await.is_empty());
    let last = hendelser(&store, "nav").await.pop();
    assert_eq!(last.as_deref(), Some("AvvikMelderUenig"));

    let told = tilbakemeld(&store, &name).await;
    assert!(mangler_tilbakemelding(&told).is_empty());
    let agrees = svar(&told, Fornoyd, "");
    let agreed = kall!(store, bom(), rpc::besvar, agrees).unwrap();
    let agreed = agreed.avvik.unwrap();
    assert!(mangler_tilbakemelding(&agreed).is_empty());
    assert_eq!(steg(&store, "nav").await.len(), 1, "nothing to do");
    let last = hendelser(&store, "nav").await.pop();
    assert_eq!(last.as_deref(), Some("AvvikMelderFornoyd"));
}

fn vurderer(vurdering: Meldervurdering) -> SvarMedKodeRequest {
    SvarMedKodeRequest {
        vurdering: vurdering.into(),
        ..sier(KODE, "Det var ikke slik")
    }
}

/// Held as all that is said by a code, and then as if a unit had said it; the
/// reporter's own unit cannot say it instead.
///
/// Seen red: with a unit that answers for who is not known, and with what is said
/// that changes nothing.
async fn who_is_not_known_disputes_by_the_code(database: Database) {
    let store = lager(&database).await;
    let id = anonymprove::meldt(&store, KODE).await;
    let request = || vurderer(Meldervurdering::Uenig);
    let early = kall!(store, noen(), anonym::svar, request());
    assert_eq!(feil(early), ["vurdering FELT_FORM"]);
    neste_dag(&store, &database).await;
    let name = format!("avvik/{id}");
    aksepter(&store, &name, "nav").await;
    let early = kall!(store, noen(), anonym::svar, request());
    assert_eq!(feil(early), ["vurdering FELT_FORM"]);
    let told = tilbakemeld(&store, &name).await;
    let instead = svar(&told, Meldervurdering::Fornoyd, "");
    let instead = kall!(store, hos("bom", "b1"), rpc::besvar, instead);
    assert_eq!(feil(instead), ["IKKE_TILLATT"]);

    kall!(store, noen(), anonym::svar, request()).unwrap();
    let held = anonymprove::les(&store, KODE).await.unwrap();
    assert_eq!(held.dialog[0].vurdering(), Meldervurdering::Uenig);
    assert!(mangler_tilbakemelding(&les(&store, &name).await).is_empty());
    assert!(steg(&store, "nav").await.is_empty(), "held");
    neste_dag(&store, &database).await;
    let disputed = les(&store, &name).await;
    assert_eq!(mangler_tilbakemelding(&disputed).len(), 1);
    assert!(!format!("{disputed:?}").contains("Det var ikke slik"));
    assert_eq!(steg(&store, "nav").await, [Avvikssteg::MelderUenig]);
}

/// Seen red: with the dispute left in the avvik that was ended as the same.
async fn a_dispute_by_code_reaches_the_avvik_that_it_is_the_same_as(database: Database) {
    let store = lager(&database).await;
    let id = anonymprove::meldt(&store, KODE).await;
    neste_dag(&store, &database).await;
    let other = meldt_som(&store, melding_om_natt()).await;
    aksepter(&store, &other, "nav").await;
    let name = format!("avvik/{id}");
    let same = MerkDuplikatRequest {
        etag: aksepter(&store, &name, "nav").await.etag,
        name,
        request_id: request_id(),
        av: other.clone(),
    };
    kall!(store, hos("nav", "n1"), rpc::merk_duplikat, same).unwrap();
    tilbakemeld(&store, &other).await;
    let disputes = vurderer(Meldervurdering::Uenig);
    kall!(store, noen(), anonym::svar, disputes).unwrap();
    neste_dag(&store, &database).await;
    let disputed = les(&store, &other).await;
    assert_eq!(mangler_tilbakemelding(&disputed).len(), 1);
}

/// Somebody of bom, where the municipality's file names who takes what.
fn med_mottak() -> Arc<Call> {
    let takes = |emne: &str, units: &[&str]| Avviksmottak {
        emne: emne.to_owned(),
        enheter: units.iter().map(|unit| (*unit).to_owned()).collect(),
    };
    let call = TestCall::new("bom").with(|permit| {
        permit.avviksmottak = vec![
            takes("bolig", &["boligkontor"]),
            takes("bolig/utskrevet_uten_bolig", &["nav", "rop"]),
        ];
    });
    call.build()
}

/// The subcategory before the category, and what the reporter names before both.
///
/// Seen red: with the category alone, and with no look at what was named.
async fn what_names_no_unit_goes_where_the_municipality_says(database: Database) {
    let store = lager(&database).await;
    let reported = async |under: &str, enheter: &[&str]| {
        let request = MeldAvvikRequest {
            underkategori: under.into(),
            enheter: enheter.iter().map(|unit| (*unit).to_owned()).collect(),
            ..melding_om_natt()
        };
        kall!(store, med_mottak(), innmelding::meld, request)
    };
    for (under, named, expected) in [
        (
            "utskrevet_uten_bolig",
            &[][..],
            &["enheter/nav", "enheter/rop"][..],
        ),
        ("standard", &[], &["enheter/boligkontor"]),
        ("standard", &["enheter/rop"], &["enheter/rop"]),
    ] {
        let told = reported(under, named).await.unwrap();
        let name = format!("avvik/{}", told.kvittering.unwrap().referanse);
        let parts = les(&store, &name).await.deler;
        let units: Vec<_> = parts.iter().map(|part| part.enhet.as_str()).collect();
        assert_eq!(units, expected, "{under}");
    }
    let nowhere = MeldAvvikRequest {
        enheter: Vec::new(),
        ..melding_om_natt()
    };
    let nowhere = kall!(store, hos("bom", "b1"), innmelding::meld, nowhere);
    assert_eq!(feil(nowhere), ["enheter FELT_OMRADE"]);
    let of_nothing = reported("ukjent", &[]).await;
    assert_eq!(feil(of_nothing), ["underkategori FELT_UKJENT_VERDI"]);
}
