#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use samspor_chassis::domene::{Hjemmel, virkning::Fristendring};
use samspor_proto::{
    bestillerkontor::{self as proto, Henleggelsesarsak, Kanal},
    felles::{Faktum, Faktumtype, Feilgrunn, Rolle},
    tilgang::Formal,
};

use super::*;
use crate::kartlegging::Beskrivelse;

const NOW: Tid = Tid(1_800_000_000_000_000);
const LATER: Tid = Tid(1_800_000_100_000_000);

fn who(enhet: &str, ansatt: &str) -> Aktor {
    Aktor {
        enhet: enhet.into(),
        ansatt: ansatt.into(),
        rolle: Rolle::Saksbehandler,
    }
}

fn request() -> MottaSoknadRequest {
    MottaSoknadRequest {
        eget_onske: "Jeg vil ha ro til å sove".into(),
        kanal: Kanal::Oppmote.into(),
        ..Default::default()
    }
}

fn received(by: Aktor, fra_personen: bool) -> (Soknad, Virkninger) {
    let mut faults = FieldFaults::new();
    let innsendt = les(request(), fra_personen, &[], &mut faults);
    faults.finish().unwrap();
    let mottak = Mottak {
        person: "p".into(),
        id: "s".into(),
        referanse: "S-1".into(),
        av: by,
        fra_personen,
        ansvarlig: ENHET.into(),
        mottatt: Mottatt::na(NOW),
    };
    motta(mottak, innsendt, NOW)
}

/// Seen red: with the unit itself always; with the first mandated always.
#[test]
fn who_still_sees_the_person_answers_for_the_application() {
    let units = |ids: &[&str]| -> Vec<String> { ids.iter().map(|id| (*id).into()).collect() };
    let deliver = units(&["bom", "rop"]);
    for (mandated, expected) in [
        (&[][..], ENHET),
        (&["bestillerkontor", "rop"], ENHET),
        (&["koordinering", "rop"], "rop"),
        (&["koordinering", "nav"], "koordinering"),
    ] {
        assert_eq!(ansvarlig(&units(mandated), &deliver), expected);
    }
}

fn in_state(tilstand: Tilstand) -> Soknad {
    let (mut soknad, _) = received(who(ENHET, "a1"), false);
    soknad.tilstand = tilstand;
    soknad
}

fn kinds(facts: &[Faktum]) -> Vec<(Faktumtype, &str, bool)> {
    facts
        .iter()
        .map(|fact| {
            let ended = fact.periode.as_ref().unwrap().til.is_some();
            (fact.r#type(), fact.post.as_str(), ended)
        })
        .collect()
}

fn funn() -> Funn {
    Funn {
        beskrivelse: Beskrivelse {
            funksjon: "Klarer lite alene".into(),
            helse: String::new(),
        },
        boevne: None,
        innhenting: None,
    }
}

fn ventet() -> Ventet {
    Ventet {
        avgjort: "2027-03-01".parse().unwrap(),
        begrunnelse: "Venter på fastlegen".into(),
    }
}

fn begun(soknad: &Soknad) -> Kartlegging {
    kartlegging::rules::ny(soknad, "k".into(), None)
}

fn verb(name: &str, soknad: Soknad) -> Result<Tilstand, Refusal> {
    let by = who(ENHET, "a2");
    let henleggelse = Henleggelse {
        arsak: Henleggelsesarsak::Flyttet,
        begrunnelse: "Flyttet".into(),
        hjemmel: Hjemmel::default(),
    };
    let result = match name {
        "StartKartlegging" => {
            start(soknad, "k".into(), None, by, LATER).map(|(soknad, _, out)| (soknad, out))
        }
        "GjorKlarSoknad" => {
            let begun = begun(&soknad);
            gjor_klar(soknad, &begun, funn(), by, LATER).map(|(soknad, _, out)| (soknad, out))
        }
        "GiForelopigSvar" => gi_forelopig_svar(soknad, ventet(), LATER),
        "SettKontaktsamtykke" => sett_kontakt(soknad, Kontakt::default(), LATER),
        "TrekkSoknad" => trekk(soknad, String::new(), Rest::default(), by, LATER),
        "ForeslaHenleggelse" => foresla_henleggelse(soknad, henleggelse, by, LATER),
        "HenleggSoknad" => {
            let mut soknad = soknad;
            soknad.innhold.foreslatt = Some((henleggelse, who(ENHET, "a9")));
            henlegg(soknad, &Myndighet::alene(&[]), by, LATER)
        }
        "AvvisHenleggelse" => {
            let mut soknad = soknad;
            soknad.innhold.foreslatt = Some((henleggelse, who(ENHET, "a9")));
            avvis_henleggelse(soknad, "Fortsetter".into())
        }
        "FattVedtak" => vedta(soknad, by, LATER),
        "OpprettVedtak" => krev(&soknad, name).map(|()| (soknad, Virkninger::new())),
        _ => panic!("{name}"),
    };
    result.map(|(soknad, _)| soknad.tilstand)
}

/// Every cell of state × verb: the state after, or `-` for refused. To see
/// it red, move a state in `OVERGANGER`.
#[test]
fn every_cell() {
    let table = include_str!("../../../tests/data/soknad.csv");
    let mut rows = table.lines().map(|row| row.split(';').collect::<Vec<_>>());
    let verbs = rows.next().unwrap();
    assert_eq!(verbs.len() - 1, OVERGANGER.0.len());
    let mut states = 0;
    for row in rows {
        let state = Tilstand::fra_kode(row[0]).unwrap();
        states += 1;
        for (name, expected) in verbs.iter().zip(&row).skip(1) {
            let found = verb(name, in_state(state));
            match *expected {
                "-" => {
                    let refusal = found.unwrap_err();
                    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang, "{row:?} {name}");
                    assert_eq!(refusal.nokler["tilstand"], row[0]);
                }
                after => assert_eq!(found.unwrap().kode(), after, "{row:?} {name}"),
            }
        }
    }
    assert_eq!(states, Tilstand::ALLE.len());
}

#[test]
fn an_intake_opens_the_application_alone_and_starts_the_clock() {
    let (soknad, out) = received(who(ENHET, "a1"), false);
    assert_eq!(
        kinds(&out.fakta),
        [(Faktumtype::Soker, "personer/p/soknader/s", false)]
    );
    assert_eq!(out.fakta[0].opprettet_av, "a1");
    let [Fristendring::Sett(frist)] = out.frister.as_slice() else {
        panic!("{:?}", out.frister)
    };
    assert_eq!(frist.due, soknad.innhold.forelopig_svar_frist);
    // 2027-01-15 08:00 UTC, so the end of 15 February in Norway.
    assert_eq!(frist.due.to_string(), "2027-02-15T23:00:00Z");
    assert_eq!(frist.mottakere, [ENHET]);
}

/// To see it red, let `bekreft` always confirm.
#[test]
fn only_a_second_party_confirms() {
    let table = [
        // registrar, who starts, who makes ready, confirmed at start, at ready
        (who(ENHET, "a1"), "a1", "a1", false, false),
        (who(ENHET, "a1"), "a2", "a1", true, true),
        (who(ENHET, "a1"), "a1", "a2", false, true),
        (who("nav", "a1"), "a1", "a1", true, true),
        (who("", ""), "a1", "a1", true, true),
        // The unit's own system: the first employee is alone with it.
        (who(ENHET, ""), "a1", "a1", false, false),
        (who(ENHET, ""), "a1", "a2", false, true),
    ];
    for (registrar, starter, ready, at_start, at_ready) in table {
        let (soknad, _) = received(registrar.clone(), false);
        let by = who(ENHET, starter);
        let (soknad, begun, first) = start(soknad, "k".into(), None, by, LATER).unwrap();
        assert_eq!(
            soknad.innhold.bekreftet.is_some(),
            at_start,
            "{registrar:?}"
        );
        let by = who(ENHET, ready);
        let (soknad, _, second) = gjor_klar(soknad, &begun, funn(), by, LATER).unwrap();
        assert_eq!(
            soknad.innhold.bekreftet.is_some(),
            at_ready,
            "{registrar:?}"
        );
        let facts = [first.fakta, second.fakta].concat();
        let name = "personer/p/soknader/s";
        let confirmed = [
            (Faktumtype::Soker, name, true),
            (Faktumtype::Sak, "", false),
            (Faktumtype::Sak, name, false),
        ];
        assert_eq!(kinds(&facts), if at_ready { &confirmed[..] } else { &[] });
    }
}

#[test]
fn what_the_mapping_found_is_a_record_that_the_application_names() {
    let (soknad, _) = received(who(ENHET, "a1"), false);
    let by = who(ENHET, "a2");
    let (soknad, begun, _) = start(soknad, "k".into(), None, by.clone(), LATER).unwrap();
    assert_eq!(begun.utgave.tilstand, kartlegging::Tilstand::Pagar);
    assert_eq!(soknad.innhold.kartlegging.as_deref(), Some("k"));
    let (soknad, found, _) = gjor_klar(soknad, &begun, funn(), by.clone(), LATER).unwrap();
    assert_eq!(found.utgave.tilstand, kartlegging::Tilstand::Ferdig);
    assert_eq!(found.soknad, soknad.id);
    assert_eq!(found.ansvarlig_enhet, soknad.ansvarlig_enhet);
    assert_eq!(found.utgave.innhold.kartlagt_av, Some(by));
    let (soknad, found) = (soknad.to_proto(), found.to_proto());
    assert_eq!(soknad.kartlegging, found.name);
    assert_eq!(found.soknad, soknad.name);
    assert_eq!(found.funksjonsbeskrivelse, "Klarer lite alene");
}

/// Seen red: without the check of the state of what it builds on.
#[test]
fn a_mapping_builds_on_what_is_complete() {
    let (soknad, _) = received(who(ENHET, "a1"), false);
    let unfinished = begun(&soknad);
    let by = who(ENHET, "a2");
    let refused = start(
        soknad.clone(),
        "k2".into(),
        Some(&unfinished),
        by.clone(),
        LATER,
    );
    assert_eq!(refused.unwrap_err().felt[0].felt, "bygger_pa");
    let under_way = in_state(Tilstand::UnderKartlegging);
    let (_, earlier, _) = gjor_klar(under_way, &unfinished, funn(), by.clone(), LATER).unwrap();
    let (_, begun, _) = start(soknad, "k2".into(), Some(&earlier), by, LATER).unwrap();
    assert_eq!(
        begun.utgave.innhold.beskrivelse.funksjon,
        "Klarer lite alene"
    );
}

#[test]
fn closing_ends_what_was_open() {
    let (soknad, _) = received(who(ENHET, "a1"), false);
    let (_, out) = trekk(
        soknad.clone(),
        String::new(),
        Rest::default(),
        who("", ""),
        LATER,
    )
    .unwrap();
    assert_eq!(
        kinds(&out.fakta),
        [(Faktumtype::Soker, "personer/p/soknader/s", true)]
    );
    let by = who(ENHET, "a2");
    let (soknad, ..) = start(soknad, "k".into(), None, by, LATER).unwrap();
    let (_, out) = trekk(soknad, String::new(), Rest::default(), who("", ""), LATER).unwrap();
    let ended = [
        (Faktumtype::Sak, "", true),
        (Faktumtype::Sak, "personer/p/soknader/s", true),
    ];
    assert_eq!(kinds(&out.fakta), ended);
    let cleared: Vec<&str> = out
        .frister
        .iter()
        .map(|change| match change {
            Fristendring::Slett { kind, .. } => *kind,
            Fristendring::Sett(frist) => panic!("{frist:?}"),
        })
        .collect();
    assert_eq!(
        cleared,
        [
            FRIST_VENTET_AVGJORT,
            FRIST_HENLEGGELSE,
            FRIST_FORELOPIG_SVAR,
        ]
    );
}

#[test]
fn a_preliminary_answer_is_given_once() {
    let received = in_state(Tilstand::Mottatt);
    let (soknad, out) = gi_forelopig_svar(received, ventet(), LATER).unwrap();
    let promised = out.frister.iter().any(|change| {
        matches!(change, Fristendring::Sett(frist)
            if frist.kind == FRIST_VENTET_AVGJORT && frist.due == ventet().avgjort.slutt())
    });
    assert!(promised, "{:?}", out.frister);
    assert_eq!(soknad.to_proto().ventet_avgjort, "2027-03-01");
    let again = gi_forelopig_svar(soknad, ventet(), LATER).unwrap_err();
    assert_eq!(again.grunn, Feilgrunn::Konflikt);
}

fn sender(navn: &str, rolle: Innsenderrolle) -> proto::Innsender {
    proto::Innsender {
        navn: navn.into(),
        rolle: rolle.into(),
        ..Default::default()
    }
}

fn contact(units: &[(&str, bool)]) -> Vec<proto::Kontaktsamtykke> {
    units
        .iter()
        .map(|(enhet, tillatt)| proto::Kontaktsamtykke {
            enhet: (*enhet).into(),
            tillatt: *tillatt,
        })
        .collect()
}

/// The units and the records that are closed to them.
fn closed(facts: &[Faktum]) -> Vec<(String, bool)> {
    let of = |fact: &&Faktum| fact.r#type() == Faktumtype::Reservasjon;
    let told = |fact: &Faktum| {
        let ended = fact.periode.as_ref().unwrap().til.is_some();
        (fact.id.clone(), ended)
    };
    facts.iter().filter(of).map(told).collect()
}

/// A unit that the person refuses is closed out from receipt to vedtak, of
/// the application and of the mapping.
///
/// Seen red: without `stengt` in `motta`, in `start` and in `avslutt`.
#[test]
fn a_refused_unit_is_kept_away_until_the_person_says_otherwise() {
    let mut faults = FieldFaults::new();
    let request = MottaSoknadRequest {
        reservert_kontakt: true,
        kontaktsamtykker: contact(&[("enheter/nav", false), ("enheter/bom", true)]),
        ..request()
    };
    let innsendt = les(request, true, &[], &mut faults);
    faults.finish().unwrap();
    let mottak = Mottak {
        person: "p".into(),
        id: "s".into(),
        referanse: "S-1".into(),
        av: who("", ""),
        fra_personen: true,
        ansvarlig: ENHET.into(),
        mottatt: Mottatt::na(NOW),
    };
    let (soknad, out) = motta(mottak, innsendt, NOW);
    let of = |units: &[&str], records: &[&str], ended: bool| -> Vec<(String, bool)> {
        let each = |unit: &&str| {
            let unit = (*unit).to_owned();
            let name = move |record: &&str| (format!("kontakt/s/{unit}/{record}"), ended);
            records.iter().map(name).collect::<Vec<_>>()
        };
        units.iter().flat_map(each).collect()
    };
    assert_eq!(closed(&out.fakta), of(&["nav", "rop"], &["soknad"], false));
    let told = &out.hendelser[0].mottakere;
    assert!(
        ["nav", "rop"]
            .iter()
            .all(|unit| !told.contains(&(*unit).to_owned()))
    );

    let by = who(ENHET, "a1");
    let (soknad, _, out) = start(soknad, "k".into(), None, by.clone(), LATER).unwrap();
    let both = ["soknad", "kartlegging"];
    assert_eq!(closed(&out.fakta), of(&["nav", "rop"], &both, false));

    // Nav may be asked after all; ROP may not, since the beginning.
    let said = kontakt::les(true, &[], &mut FieldFaults::new());
    let (soknad, out) = sett_kontakt(soknad, said, LATER).unwrap();
    let expected = [of(&["nav"], &both, true), of(&["rop"], &both, false)];
    assert_eq!(closed(&out.fakta), expected.concat());
    assert_eq!(soknad.innhold.nektet["rop"], NOW);

    let mut ready = soknad;
    ready.tilstand = Tilstand::Klar;
    let (decided, out) = vedta(ready, by, LATER).unwrap();
    assert_eq!(closed(&out.fakta), [], "the vedtak opens nothing");
    let said = kontakt::les(false, &[], &mut FieldFaults::new());
    let (_, out) = sett_kontakt(decided, said, LATER).unwrap();
    assert_eq!(closed(&out.fakta), of(&["rop"], &both, true));
}

/// A recommendation is no vedtak: what a hospital asks for is kept apart,
/// and decides nothing.
#[test]
fn a_hospital_recommends_and_the_application_is_only_received() {
    let mut faults = FieldFaults::new();
    let request = MottaSoknadRequest {
        innsender: Some(sender("Post 2", Innsenderrolle::Sykehus)),
        sykehusmelding: Some(sykehus::tests::pakke()),
        ..request()
    };
    let innsendt = les(request, false, &[], &mut faults);
    faults.finish().unwrap();
    let mottak = Mottak {
        person: "p".into(),
        id: "s".into(),
        referanse: "S-1".into(),
        av: who("spesialisthelsetjenesten", ""),
        fra_personen: false,
        ansvarlig: ENHET.into(),
        mottatt: Mottatt::na(NOW),
    };
    let (soknad, _) = motta(mottak, innsendt, NOW);
    assert_eq!(soknad.tilstand, Tilstand::Mottatt);
    let found = soknad.to_proto();
    assert!(found.fra_sykehus);
    assert!(found.gjelder.is_empty());
    let packet = found.sykehusmelding.unwrap();
    assert_eq!(packet, sykehus::tests::pakke());
}

/// Seen red: without the comparison with today.
#[test]
fn a_preliminary_answer_says_why_and_by_when() {
    let table = [
        ("Venter", "2027-01-15", None),
        ("", "2027-01-15", Some("begrunnelse")),
        ("Venter", "", Some("ventet_avgjort")),
        ("Venter", "snart", Some("ventet_avgjort")),
        ("Venter", "2027-01-14", Some("ventet_avgjort")),
    ];
    for (why, day, fault) in table {
        let request = GiForelopigSvarRequest {
            begrunnelse: why.into(),
            ventet_avgjort: day.into(),
            ..Default::default()
        };
        let mut faults = FieldFaults::new();
        les_forelopig_svar(&request, NOW, &mut faults);
        let found = faults
            .finish()
            .err()
            .map(|refusal| refusal.felt[0].felt.clone());
        assert_eq!(found.as_deref(), fault, "{why} {day}");
    }
}

#[test]
fn every_field_is_held_to_its_rule() {
    type Change = fn(&mut MottaSoknadRequest);
    let table: [(Change, bool, &str, Feilgrunn); 15] = [
        (
            |r| r.eget_onske = "  ".into(),
            false,
            "eget_onske",
            Feilgrunn::FeltMangler,
        ),
        (|r| r.kanal = 0, false, "kanal", Feilgrunn::FeltUkjentVerdi),
        (
            |r| r.gjelder = vec![1, 0],
            false,
            "gjelder[1]",
            Feilgrunn::FeltUkjentVerdi,
        ),
        (
            |r| r.helseopplysninger = "x".repeat(felt::LANG + 1),
            false,
            "helseopplysninger",
            Feilgrunn::FeltForLangt,
        ),
        (
            |r| r.innsender = Some(sender("", Innsenderrolle::Verge)),
            false,
            "innsender.navn",
            Feilgrunn::FeltMangler,
        ),
        (
            |r| r.innsender = Some(sender("Nabo", Innsenderrolle::Unspecified)),
            false,
            "innsender.rolle",
            Feilgrunn::FeltUkjentVerdi,
        ),
        (
            |r| r.innsender = Some(sender("Post 2", Innsenderrolle::Sykehus)),
            false,
            "sykehusmelding",
            Feilgrunn::FeltMangler,
        ),
        (
            |r| {
                r.innsender = Some(sender("Post 2", Innsenderrolle::Fastlege));
                r.sykehusmelding = Some(sykehus::tests::pakke());
            },
            false,
            "sykehusmelding",
            Feilgrunn::FeltMotstrid,
        ),
        (
            |r| r.kontaktsamtykker = contact(&[("enheter/rop", true), ("enheter/rop", true)]),
            false,
            "kontaktsamtykker[1].enhet",
            Feilgrunn::FeltMotstrid,
        ),
        (
            |r| r.kontaktsamtykker = contact(&[("enheter/bestillerkontor", false)]),
            false,
            "kontaktsamtykker[0].enhet",
            Feilgrunn::FeltMotstrid,
        ),
        (
            |r| r.kontaktsamtykker = contact(&[("enheter/koordinering", false)]),
            false,
            "kontaktsamtykker[0].enhet",
            Feilgrunn::FeltMotstrid,
        ),
        (
            |r| {
                r.reservert_kontakt = true;
                r.kontaktsamtykker = contact(&[("enheter/rop", true)]);
            },
            false,
            "kontaktsamtykker[0].enhet",
            Feilgrunn::FeltMotstrid,
        ),
        (
            |r| r.kontaktsamtykker = contact(&[("ROP", false)]),
            false,
            "kontaktsamtykker[0].enhet",
            Feilgrunn::FeltForm,
        ),
        (
            |r| r.innsender = Some(sender("Nabo", Innsenderrolle::Annen)),
            true,
            "innsender",
            Feilgrunn::FeltMotstrid,
        ),
        (
            |r| r.parorende = vec![proto::Parorende::default()],
            false,
            "parorende[0].navn",
            Feilgrunn::FeltMangler,
        ),
    ];
    for (change, fra_personen, field, reason) in table {
        let mut request = request();
        change(&mut request);
        let mut faults = FieldFaults::new();
        les(request, fra_personen, &[], &mut faults);
        let refusal = faults.finish().unwrap_err();
        let found: Vec<_> = refusal
            .felt
            .iter()
            .map(|f| (f.felt.as_str(), f.grunn))
            .collect();
        assert_eq!(found, [(field, reason)]);
    }
}

/// What is opened to units that the person allows, and whether it has ended.
fn opened(facts: &[Faktum]) -> Vec<(String, bool)> {
    let of = |fact: &&Faktum| fact.r#type() == Faktumtype::Samtykke;
    let told = |fact: &Faktum| {
        assert_eq!(fact.post, "personer/p/soknader/s");
        assert_eq!(fact.formal(), Formal::Samordning);
        let ended = fact.periode.as_ref().unwrap().til.is_some();
        (fact.id.clone(), ended)
    };
    facts.iter().filter(of).map(told).collect()
}

/// A unit that the person allows reads the application from when the case is
/// confirmed until it is decided; what others say that the person allows opens
/// nothing.
///
/// Seen red: with what others say; without the end in `sett_kontakt`; without
/// the consent in `fakta`.
#[test]
fn an_allowed_unit_reads_the_application_until_the_vedtak() {
    let received = |fra_personen: bool| {
        let request = MottaSoknadRequest {
            kontaktsamtykker: contact(&[("enheter/nav", true)]),
            ..request()
        };
        let mut faults = FieldFaults::new();
        let innsendt = les(request, fra_personen, &[], &mut faults);
        faults.finish().unwrap();
        let mottak = Mottak {
            person: "p".into(),
            id: "s".into(),
            referanse: "S-1".into(),
            av: who(if fra_personen { "" } else { "politi" }, ""),
            fra_personen,
            ansvarlig: ENHET.into(),
            mottatt: Mottatt::na(NOW),
        };
        let (soknad, out) = motta(mottak, innsendt, NOW);
        assert_eq!(opened(&out.fakta), [], "nobody has confirmed the case");
        let by = who(ENHET, "a1");
        let (soknad, _, out) = start(soknad, "k".into(), None, by, LATER).unwrap();
        (soknad, opened(&out.fakta))
    };
    let (_, by_others) = received(false);
    assert_eq!(by_others, []);
    let (soknad, opens) = received(true);
    let of = |unit: &str, ended| (format!("kontakt/s/{unit}/samtykke"), ended);
    assert_eq!(opens, [of("nav", false)]);

    let said = kontakt::les(
        false,
        &contact(&[("enheter/bom", true)]),
        &mut FieldFaults::new(),
    );
    let (soknad, out) = sett_kontakt(soknad, said, LATER).unwrap();
    assert_eq!(opened(&out.fakta), [of("nav", true), of("bom", false)]);
    let mut ready = soknad;
    ready.tilstand = Tilstand::Klar;
    let (decided, out) = vedta(ready, who(ENHET, "b1"), LATER).unwrap();
    assert_eq!(opened(&out.fakta), [of("bom", true)]);
    let (_, out) = sett_kontakt(decided, Kontakt::default(), LATER).unwrap();
    assert_eq!(opened(&out.fakta), [], "ended before");
}

/// B2: what a hospital sends has the hospital's packet, also when it does not
/// say who it is.
///
/// Seen red: with `innsender.rolle` alone.
#[test]
fn a_hospital_that_does_not_say_so_owes_its_packet() {
    let faults_of = |rolle: Option<Innsenderrolle>, packet, funksjoner: &[String]| {
        let mut faults = FieldFaults::new();
        let request = MottaSoknadRequest {
            innsender: rolle.map(|rolle| sender("Sosionom", rolle)),
            sykehusmelding: packet,
            ..request()
        };
        les(request, false, funksjoner, &mut faults);
        let refusal = faults.finish().err();
        let found = refusal.map(|refusal| refusal.felt).unwrap_or_default();
        let fields = found.into_iter().map(|fault| fault.felt);
        fields.collect::<Vec<_>>().join(" ")
    };
    let hospital = ["sykehus".to_owned()];
    let packet = || Some(sykehus::tests::pakke());
    assert_eq!(faults_of(None, None, &hospital), "sykehusmelding");
    assert_eq!(faults_of(None, packet(), &hospital), "");
    let gp = Some(Innsenderrolle::Fastlege);
    assert_eq!(faults_of(gp, packet(), &hospital), "innsender.rolle");
    assert_eq!(faults_of(None, packet(), &[]), "sykehusmelding");
    assert_eq!(faults_of(gp, None, &[]), "");
}
