//! What may happen to an application.

use std::time::Duration;

use samspor_chassis::{
    domene::{Aktor, Overganger, Virkninger, felt, kalender},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::bestillerkontor::{HenleggSoknadRequest, MottaSoknadRequest};

use super::{
    Bekreftelse, FRIST_FORELOPIG_SVAR, Henleggelse, Innhold, Innsender, Innsendt, Soknad, Tilstand,
};
use crate::{
    ENHET, KOORDINERING,
    kartlegging::{self, Kartlegging, rules::Funn},
    parorende,
};

const APNE: &[Tilstand] = &[
    Tilstand::Mottatt,
    Tilstand::UnderKartlegging,
    Tilstand::Klar,
];

/// Which verb is allowed in which state. `FattVedtak` closes the application
/// that the vedtak answers.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("StartKartlegging", &[Tilstand::Mottatt]),
    ("GjorKlarSoknad", &[Tilstand::UnderKartlegging]),
    ("GiForelopigSvar", APNE),
    ("TrekkSoknad", APNE),
    ("HenleggSoknad", APNE),
    (
        "OpprettVedtak",
        &[Tilstand::UnderKartlegging, Tilstand::Klar],
    ),
    ("FattVedtak", &[Tilstand::Klar]),
]);

/// How long before a preliminary answer is due the unit is warned.
const VARSEL: Duration = Duration::from_hours(7 * 24);

/// The verb is allowed in the application's state.
pub(crate) fn krev(soknad: &Soknad, verb: &str) -> Result<(), Refusal> {
    OVERGANGER.krev(verb, soknad.tilstand, soknad.tilstand.kode())
}

/// Reads what the sender told. `fra_personen`: nobody filed it on the
/// person's behalf, so no sender can be named.
pub(crate) fn les(
    request: MottaSoknadRequest,
    fra_personen: bool,
    faults: &mut FieldFaults,
) -> Innsendt {
    if fra_personen && request.innsender.is_some() {
        faults.contradicts("innsender", "aktor", "personen har søkt selv");
    }
    Innsendt {
        eget_onske: felt::pakrevd(&request.eget_onske, "eget_onske", felt::LANG, faults),
        gjelder: felt::flere_valg(
            &request.gjelder,
            "gjelder",
            "samspor.bestillerkontor.v1.Tjenestetype",
            faults,
        ),
        kanal: felt::valg(
            request.kanal,
            "kanal",
            "samspor.bestillerkontor.v1.Kanal",
            faults,
        ),
        innsender: request.innsender.map(|sender| Innsender {
            navn: felt::pakrevd(&sender.navn, "innsender.navn", felt::KORT, faults),
            relasjon: felt::tekst(&sender.relasjon, "innsender.relasjon", felt::KORT, faults),
            kontakt: felt::tekst(&sender.kontakt, "innsender.kontakt", felt::KORT, faults),
        }),
        helseopplysninger: felt::tekst(
            &request.helseopplysninger,
            "helseopplysninger",
            felt::LANG,
            faults,
        ),
        parorende: parorende::les(&request.parorende, "parorende", faults),
        oppholdssted: felt::tekst(&request.oppholdssted, "oppholdssted", felt::KORT, faults),
        boligsituasjon: felt::tekst(
            &request.boligsituasjon,
            "boligsituasjon",
            felt::LANG,
            faults,
        ),
        reservert_kontakt: request.reservert_kontakt,
        okonomi: felt::tekst(&request.okonomi, "okonomi", felt::LANG, faults),
    }
}

/// How an application came to the unit.
pub(crate) struct Mottak {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) referanse: String,
    pub(crate) av: Aktor,
    pub(crate) fra_personen: bool,
}

/// Receives an application.
pub(crate) fn motta(mottak: Mottak, innsendt: Innsendt, now: Tid) -> (Soknad, Virkninger) {
    let Mottak {
        person,
        id,
        referanse,
        av,
        fra_personen,
    } = mottak;
    let due = kalender::maneder_etter(now, 1);
    let soknad = Soknad {
        person,
        id,
        versjon: 1,
        tilstand: Tilstand::Mottatt,
        ansvarlig_enhet: ENHET.to_owned(),
        innhold: Innhold {
            referanse,
            mottatt: now,
            registrert_av: av,
            fra_personen,
            innsendt,
            saksbehandler: None,
            bekreftet: None,
            kartlegging: None,
            forelopig_svar_frist: due,
            forelopig_svar: None,
            avsluttet: None,
            henleggelse: None,
        },
    };
    let emne = soknad.emne();
    let mut out = Virkninger::new();
    out.hendelse("SoknadMottatt", &emne, [ENHET, KOORDINERING]);
    out.faktum(soknad.soker(None));
    let warn = due.minus(VARSEL);
    out.frist(FRIST_FORELOPIG_SVAR, &emne, due, Some(warn), [ENHET]);
    (soknad, out)
}

/// Begins the mapping, which gets the id: from nothing, or from what an earlier
/// mapping of the person found.
pub(crate) fn start(
    mut soknad: Soknad,
    id: String,
    bygger_pa: Option<&Kartlegging>,
    av: Aktor,
    now: Tid,
) -> Result<(Soknad, Kartlegging, Virkninger), Refusal> {
    krev(&soknad, "StartKartlegging")?;
    if bygger_pa.is_some_and(|earlier| earlier.utgave.tilstand != kartlegging::Tilstand::Ferdig) {
        let mut faults = FieldFaults::new();
        faults.contradicts(
            "bygger_pa",
            "tilstand",
            "kartleggingen det bygges på, må være ferdig",
        );
        faults.finish()?;
    }
    let mut out = Virkninger::new();
    bekreft(&mut soknad, &av, now, &mut out);
    soknad.tilstand = Tilstand::UnderKartlegging;
    soknad.innhold.saksbehandler = Some(av);
    soknad.innhold.kartlegging = Some(id.clone());
    let begun = kartlegging::rules::ny(&soknad, id, bygger_pa);
    out.hendelse("KartleggingStartet", &soknad.emne(), [ENHET]);
    Ok((soknad, begun, out))
}

/// Ends the mapping, and completes its first edition.
pub(crate) fn gjor_klar(
    mut soknad: Soknad,
    begun: &Kartlegging,
    funn: Funn,
    av: Aktor,
    now: Tid,
) -> Result<(Soknad, Kartlegging, Virkninger), Refusal> {
    krev(&soknad, "GjorKlarSoknad")?;
    let mut out = Virkninger::new();
    bekreft(&mut soknad, &av, now, &mut out);
    soknad.tilstand = Tilstand::Klar;
    let utgave = kartlegging::rules::ferdigstill(begun.utgave.clone(), funn, av, now);
    out.hendelse("SoknadKlar", &soknad.emne(), [ENHET]);
    Ok((soknad, begun.i_utgave(utgave), out))
}

/// Records that the person was given a preliminary answer.
pub(crate) fn gi_forelopig_svar(
    mut soknad: Soknad,
    now: Tid,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "GiForelopigSvar")?;
    if soknad.innhold.forelopig_svar.is_some() {
        return Err(Refusal::conflict("foreløpig svar"));
    }
    soknad.innhold.forelopig_svar = Some(now);
    let mut out = Virkninger::new();
    out.hendelse("ForelopigSvarGitt", &soknad.emne(), [ENHET]);
    out.slett_frist(FRIST_FORELOPIG_SVAR, &soknad.name());
    Ok((soknad, out))
}

/// Takes it back on the person's wish.
pub(crate) fn trekk(soknad: Soknad, av: Aktor, now: Tid) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "TrekkSoknad")?;
    Ok(avslutt(soknad, Tilstand::Trukket, "SoknadTrukket", av, now))
}

/// Reads why it is closed without a vedtak.
pub(crate) fn les_henleggelse(
    request: &HenleggSoknadRequest,
    faults: &mut FieldFaults,
) -> Henleggelse {
    Henleggelse {
        arsak: felt::valg(
            request.arsak,
            "arsak",
            "samspor.bestillerkontor.v1.Henleggelsesarsak",
            faults,
        ),
        begrunnelse: felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults),
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
    }
}

/// Closes it without a vedtak.
pub(crate) fn henlegg(
    mut soknad: Soknad,
    henleggelse: Henleggelse,
    av: Aktor,
    now: Tid,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "HenleggSoknad")?;
    soknad.innhold.henleggelse = Some(henleggelse);
    Ok(avslutt(soknad, Tilstand::Henlagt, "SoknadHenlagt", av, now))
}

/// Closes it by a vedtak, which carries the relation on.
pub(crate) fn vedta(soknad: Soknad, av: Aktor, now: Tid) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "FattVedtak")?;
    Ok(avslutt(soknad, Tilstand::Vedtatt, "SoknadVedtatt", av, now))
}

/// The case ends, and with it what it opened and what it waited for.
fn avslutt(
    mut soknad: Soknad,
    tilstand: Tilstand,
    hendelse: &'static str,
    av: Aktor,
    now: Tid,
) -> (Soknad, Virkninger) {
    soknad.tilstand = tilstand;
    soknad.innhold.avsluttet = Some((now, av));
    let mut out = Virkninger::new();
    out.hendelse(hendelse, &soknad.emne(), [ENHET, KOORDINERING]);
    out.fakta = soknad.fakta(Some(now));
    out.slett_frist(FRIST_FORELOPIG_SVAR, &soknad.name());
    (soknad, out)
}

/// Confirms the relation when this is the second party: the application came
/// from the person or another agency, or another employee of the unit acted
/// before.
fn bekreft(soknad: &mut Soknad, av: &Aktor, now: Tid, out: &mut Virkninger) {
    if soknad.innhold.bekreftet.is_some() {
        return;
    }
    let registrar = &soknad.innhold.registrert_av;
    let from_outside = registrar.enhet != soknad.ansvarlig_enhet;
    let second_employee = [Some(registrar), soknad.innhold.saksbehandler.as_ref()]
        .into_iter()
        .flatten()
        .any(|before| !before.ansatt.is_empty() && !before.er_samme_ansatte(av));
    if !from_outside && !second_employee {
        return;
    }
    soknad.innhold.bekreftet = Some(Bekreftelse {
        tid: now,
        av: av.clone(),
    });
    out.faktum(soknad.soker(Some(now)));
    out.fakta.extend(soknad.fakta(None));
}

#[cfg(test)]
mod tests {
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
        let innsendt = les(request(), fra_personen, &mut faults);
        faults.finish().unwrap();
        let mottak = Mottak {
            person: "p".into(),
            id: "s".into(),
            referanse: "S-1".into(),
            av: by,
            fra_personen,
        };
        motta(mottak, innsendt, NOW)
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
            "GiForelopigSvar" => gi_forelopig_svar(soknad, LATER),
            "TrekkSoknad" => trekk(soknad, by, LATER),
            "HenleggSoknad" => henlegg(soknad, henleggelse, by, LATER),
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
        let table = include_str!("../../tests/data/soknad.csv");
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
        let (_, out) = trekk(soknad.clone(), who("", ""), LATER).unwrap();
        assert_eq!(
            kinds(&out.fakta),
            [(Faktumtype::Soker, "personer/p/soknader/s", true)]
        );
        let by = who(ENHET, "a2");
        let (soknad, ..) = start(soknad, "k".into(), None, by, LATER).unwrap();
        let (_, out) = trekk(soknad, who("", ""), LATER).unwrap();
        let ended = [
            (Faktumtype::Sak, "", true),
            (Faktumtype::Sak, "personer/p/soknader/s", true),
        ];
        assert_eq!(kinds(&out.fakta), ended);
        assert!(matches!(
            out.frister.as_slice(),
            [Fristendring::Slett { kind, .. }] if *kind == FRIST_FORELOPIG_SVAR
        ));
    }

    #[test]
    fn a_preliminary_answer_is_given_once() {
        let (soknad, _) = gi_forelopig_svar(in_state(Tilstand::Mottatt), LATER).unwrap();
        let again = gi_forelopig_svar(soknad, LATER).unwrap_err();
        assert_eq!(again.grunn, Feilgrunn::Konflikt);
    }

    #[test]
    fn every_field_is_held_to_its_rule() {
        type Change = fn(&mut MottaSoknadRequest);
        let table: [(Change, bool, &str, Feilgrunn); 7] = [
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
                |r| r.innsender = Some(proto::Innsender::default()),
                false,
                "innsender.navn",
                Feilgrunn::FeltMangler,
            ),
            (
                |r| {
                    r.innsender = Some(proto::Innsender {
                        navn: "Nabo".into(),
                        ..Default::default()
                    });
                },
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
            les(request, fra_personen, &mut faults);
            let refusal = faults.finish().unwrap_err();
            let found: Vec<_> = refusal
                .felt
                .iter()
                .map(|f| (f.felt.as_str(), f.grunn))
                .collect();
            assert_eq!(found, [(field, reason)]);
        }
    }
}
