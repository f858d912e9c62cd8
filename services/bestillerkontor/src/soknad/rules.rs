//! What may happen to an application.

use std::time::Duration;

use samspor_chassis::{
    domene::{Aktor, Dag, Overganger, Virkninger, felt, kalender, navn},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::bestillerkontor::{
    ForeslaHenleggelseRequest, GiForelopigSvarRequest, Innsenderrolle, MottaSoknadRequest,
};

use super::{
    Bekreftelse, FRIST_FORELOPIG_SVAR, FRIST_HENLEGGELSE, FRIST_VENTET_AVGJORT, Henleggelse,
    Innhold, Innsender, Innsendt, Soknad, Tilstand, Ventet,
    kontakt::{self, Kontakt},
    sykehus,
};
use crate::{
    ENHET, KOORDINERING,
    frister::frister,
    kartlegging::{self, Kartlegging, rules::Funn},
    mottatt::Mottatt,
    parorende,
    vedtak::rules::Myndighet,
};

/// The person can say otherwise about a unit also when it is decided.
const APNE_ELLER_VEDTATT: &[Tilstand] = &[
    Tilstand::Mottatt,
    Tilstand::UnderKartlegging,
    Tilstand::Klar,
    Tilstand::Vedtatt,
];

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
    ("SettKontaktsamtykke", APNE_ELLER_VEDTATT),
    ("TrekkSoknad", APNE),
    ("ForeslaHenleggelse", APNE),
    ("HenleggSoknad", APNE),
    (
        "OpprettVedtak",
        &[Tilstand::UnderKartlegging, Tilstand::Klar],
    ),
    ("FattVedtak", &[Tilstand::Klar]),
]);

/// Working days within which a proposal to close it is decided.
const HENLEGGELSE_ARBEIDSDAGER: u16 = 3;
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
    let innsender = request.innsender.map(|sender| Innsender {
        navn: felt::pakrevd(&sender.navn, "innsender.navn", felt::KORT, faults),
        relasjon: felt::tekst(&sender.relasjon, "innsender.relasjon", felt::KORT, faults),
        kontakt: felt::tekst(&sender.kontakt, "innsender.kontakt", felt::KORT, faults),
        rolle: felt::valg(
            sender.rolle,
            "innsender.rolle",
            "samspor.bestillerkontor.v1.Innsenderrolle",
            faults,
        ),
    });
    let from_hospital = innsender
        .as_ref()
        .is_some_and(|sender| sender.rolle == Innsenderrolle::Sykehus);
    match (from_hospital, request.sykehusmelding.is_some()) {
        (true, false) => faults.missing("sykehusmelding"),
        (false, true) => faults.contradicts(
            "sykehusmelding",
            "innsender.rolle",
            "bare et sykehus sender sykehusmelding",
        ),
        (true, true) | (false, false) => {}
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
        innsender,
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
        reservert_kontakt: false,
        okonomi: felt::tekst(&request.okonomi, "okonomi", felt::LANG, faults),
        kontakt: kontakt::les(request.reservert_kontakt, &request.kontaktsamtykker, faults),
        sykehusmelding: request
            .sykehusmelding
            .map(|packet| sykehus::les(&packet, faults)),
    }
}

/// How an application came to the unit.
pub(crate) struct Mottak {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) referanse: String,
    pub(crate) av: Aktor,
    pub(crate) fra_personen: bool,
    /// Unit that answers for it from its first instant.
    pub(crate) ansvarlig: String,
    pub(crate) mottatt: Mottatt,
}

/// Who answers for an application: this unit, unless the person is hidden from
/// it. Then one of those who still see the person (`mandaterte`): first one
/// that takes orders, which can help by itself.
pub(crate) fn ansvarlig(mandaterte: &[String], utforere: &[String]) -> String {
    if mandaterte.iter().any(|unit| unit == ENHET) {
        return ENHET.to_owned();
    }
    mandaterte
        .iter()
        .find(|unit| utforere.contains(unit))
        .or(mandaterte.first())
        .map_or_else(|| ENHET.to_owned(), Clone::clone)
}

/// Receives an application.
pub(crate) fn motta(mottak: Mottak, innsendt: Innsendt, now: Tid) -> (Soknad, Virkninger) {
    let Mottak {
        person,
        id,
        referanse,
        av,
        fra_personen,
        ansvarlig,
        mottatt,
    } = mottak;
    let due = kalender::maneder_etter(mottatt.tid, 1);
    let refused = innsendt.kontakt.nektet();
    let soknad = Soknad {
        person,
        id,
        versjon: 1,
        tilstand: Tilstand::Mottatt,
        ansvarlig_enhet: ansvarlig,
        innhold: Innhold {
            referanse,
            mottatt: mottatt.tid,
            registrert: (mottatt.tid != now).then_some(now),
            etterregistrert_grunn: mottatt.grunn,
            registrert_av: av,
            fra_personen,
            innsendt,
            saksbehandler: None,
            bekreftet: None,
            kartlegging: None,
            forelopig_svar_frist: due,
            forelopig_svar: None,
            ventet: None,
            tidligere_svar: Vec::new(),
            trukket_onske: String::new(),
            nektet: refused.into_iter().map(|unit| (unit, now)).collect(),
            avsluttet: None,
            henleggelse: None,
            foreslatt: None,
        },
    };
    let emne = soknad.emne();
    let mut out = Virkninger::new();
    out.hendelse("SoknadMottatt", &emne, [&emne.eier, KOORDINERING]);
    out.faktum(soknad.soker(None));
    out.fakta.extend(soknad.stengt());
    let warn = due.minus(VARSEL);
    out.frist(FRIST_FORELOPIG_SVAR, &emne, due, Some(warn), [&*emne.eier]);
    (soknad, out)
}

/// A person who was mapped is mapped again only for a reason: what an earlier
/// mapping found is where the next one begins.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` that names the mapping that is there.
pub(crate) fn krev_grunnlag(
    builds: bool,
    ny_begrunnelse: &str,
    known: Option<&Kartlegging>,
) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    match known {
        Some(known) if !builds && ny_begrunnelse.is_empty() => faults.contradicts(
            "bygger_pa",
            "kartlegging",
            format_args!(
                "personen er kartlagt i {}; bygg på den, eller si i ny_begrunnelse hvorfor det \
                 kartlegges på nytt",
                known.name()
            ),
        ),
        _ if builds && !ny_begrunnelse.is_empty() => faults.contradicts(
            "ny_begrunnelse",
            "bygger_pa",
            "gis bare når det ikke bygges på en tidligere kartlegging",
        ),
        _ => {}
    }
    faults.finish()
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
    ga_videre(&mut soknad, &mut out);
    soknad.tilstand = Tilstand::UnderKartlegging;
    soknad.innhold.saksbehandler = Some(av);
    soknad.innhold.kartlegging = Some(id.clone());
    let begun = kartlegging::rules::ny(&soknad, id, bygger_pa);
    // The mapping is closed from its first instant to whom the person refuses.
    out.fakta.extend(soknad.stengt());
    out.hendelse(
        "KartleggingStartet",
        &soknad.emne(),
        [&*soknad.ansvarlig_enhet],
    );
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
    ga_videre(&mut soknad, &mut out);
    soknad.tilstand = Tilstand::Klar;
    let utgave = kartlegging::rules::ferdigstill(begun.utgave.clone(), funn, av, now);
    out.hendelse("SoknadKlar", &soknad.emne(), [&*soknad.ansvarlig_enhet]);
    out.slett_frist(kartlegging::FRIST_VARSEL, &begun.name());
    Ok((soknad, begun.i_utgave(utgave), out))
}

/// Reads what the person was told.
pub(crate) fn les_forelopig_svar(
    request: &GiForelopigSvarRequest,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Ventet> {
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults);
    let avgjort = felt::pakrevd_dag(&request.ventet_avgjort, "ventet_avgjort", faults)?;
    if avgjort < Dag::av(now) {
        faults.contradicts("ventet_avgjort", "nå", "dagen kan ikke være passert");
    }
    let bound = &frister().ventet_avgjort;
    bound.krev(avgjort, "ventet_avgjort", now, faults);
    Some(Ventet {
        avgjort,
        begrunnelse,
    })
}

/// Says anew which units the person refuses to have contacted.
pub(crate) fn sett_kontakt(
    mut soknad: Soknad,
    said: Kontakt,
    now: Tid,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "SettKontaktsamtykke")?;
    let before = std::mem::take(&mut soknad.innhold.nektet);
    let refused = said.nektet();
    let mut out = Virkninger::new();
    for (unit, since) in &before {
        if !refused.contains(unit) {
            let ended = kontakt::stengt(&soknad, unit, *since, Some(now));
            out.fakta.extend(ended);
        }
    }
    for unit in refused {
        let since = before.get(&unit).copied().unwrap_or(now);
        soknad.innhold.nektet.insert(unit, since);
    }
    out.fakta.extend(soknad.stengt());
    soknad.innhold.innsendt.kontakt = said;
    soknad.innhold.innsendt.reservert_kontakt = false;
    out.hendelse(
        "KontaktsamtykkeSatt",
        &soknad.emne(),
        [&*soknad.ansvarlig_enhet],
    );
    Ok((soknad, out))
}

/// Records that the person was given a preliminary answer: once, and again when
/// the day that it promised has passed.
pub(crate) fn gi_forelopig_svar(
    mut soknad: Soknad,
    ventet: Ventet,
    now: Tid,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "GiForelopigSvar")?;
    let given = soknad.innhold.forelopig_svar.replace(now);
    if let (Some(tid), Some(told)) = (given, soknad.innhold.ventet.take()) {
        if told.avgjort >= Dag::av(now) {
            return Err(Refusal::conflict("foreløpig svar"));
        }
        soknad.innhold.tidligere_svar.push((tid, told));
    }
    let mut out = Virkninger::new();
    let emne = soknad.emne();
    out.hendelse("ForelopigSvarGitt", &emne, [&*emne.eier]);
    let due = ventet.avgjort.slutt();
    out.frist(FRIST_VENTET_AVGJORT, &emne, due, None, [&*emne.eier]);
    soknad.innhold.ventet = Some(ventet);
    out.slett_frist(FRIST_FORELOPIG_SVAR, &soknad.name());
    Ok((soknad, out))
}

/// Takes it back on the person's wish.
pub(crate) fn trekk(
    mut soknad: Soknad,
    onske: String,
    av: Aktor,
    now: Tid,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "TrekkSoknad")?;
    soknad.innhold.trukket_onske = onske;
    Ok(avslutt(soknad, Tilstand::Trukket, "SoknadTrukket", av, now))
}

/// Reads why it is closed without a vedtak.
pub(crate) fn les_henleggelse(
    request: &ForeslaHenleggelseRequest,
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

/// Proposes to close it without a vedtak; a new proposal takes the place of one
/// that waits.
pub(crate) fn foresla_henleggelse(
    mut soknad: Soknad,
    henleggelse: Henleggelse,
    av: Aktor,
    now: Tid,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "ForeslaHenleggelse")?;
    soknad.innhold.foreslatt = Some((henleggelse, av));
    let mut out = Virkninger::new();
    let emne = soknad.emne();
    out.hendelse("HenleggelseForeslatt", &emne, [&*emne.eier]);
    let due = kalender::arbeidsdager_etter(now, HENLEGGELSE_ARBEIDSDAGER);
    out.frist(FRIST_HENLEGGELSE, &emne, due, None, [&*emne.eier]);
    Ok((soknad, out))
}

/// The case goes on: what was proposed is not.
fn ga_videre(soknad: &mut Soknad, out: &mut Virkninger) {
    if soknad.innhold.foreslatt.take().is_some() {
        out.slett_frist(FRIST_HENLEGGELSE, &soknad.name());
    }
}

/// Closes it without a vedtak, as another proposed.
///
/// # Errors
/// `IKKE_TILLATT` (W4) for who proposed it, `UGYLDIG_OVERGANG` without a
/// proposal.
pub(crate) fn henlegg(
    mut soknad: Soknad,
    myndighet: &Myndighet<'_>,
    av: Aktor,
    now: Tid,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "HenleggSoknad")?;
    let Some((henleggelse, proposer)) = soknad.innhold.foreslatt.take() else {
        return Err(Refusal::transition(
            "INGEN_HENLEGGELSE",
            &["ForeslaHenleggelse"],
        ));
    };
    myndighet.krev_en_annen(&av, [&proposer])?;
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
    let emne = soknad.emne();
    out.hendelse(hendelse, &emne, [&emne.eier, KOORDINERING]);
    out.fakta = soknad.fakta(Some(now));
    out.slett_frist(FRIST_VENTET_AVGJORT, &soknad.name());
    out.slett_frist(FRIST_HENLEGGELSE, &soknad.name());
    out.slett_frist(FRIST_FORELOPIG_SVAR, &soknad.name());
    if let Some(id) = &soknad.innhold.kartlegging {
        let mapping = navn::post(&soknad.person, kartlegging::SAMLING, id);
        out.slett_frist(kartlegging::FRIST_VARSEL, &mapping);
    }
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
            "TrekkSoknad" => trekk(soknad, String::new(), by, LATER),
            "ForeslaHenleggelse" => foresla_henleggelse(soknad, henleggelse, by, LATER),
            "HenleggSoknad" => {
                let mut soknad = soknad;
                soknad.innhold.foreslatt = Some((henleggelse, who(ENHET, "a9")));
                henlegg(soknad, &Myndighet::alene(&[]), by, LATER)
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
        let (_, out) = trekk(soknad.clone(), String::new(), who("", ""), LATER).unwrap();
        assert_eq!(
            kinds(&out.fakta),
            [(Faktumtype::Soker, "personer/p/soknader/s", true)]
        );
        let by = who(ENHET, "a2");
        let (soknad, ..) = start(soknad, "k".into(), None, by, LATER).unwrap();
        let (_, out) = trekk(soknad, String::new(), who("", ""), LATER).unwrap();
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
                kartlegging::FRIST_VARSEL
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
        let innsendt = les(request, true, &mut faults);
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
        let innsendt = les(request, false, &mut faults);
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
