//! What may happen to an application.

use std::time::Duration;

use samspor_chassis::{
    domene::{Aktor, Dag, Overganger, Virkninger, felt, kalender},
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
    ("AvvisHenleggelse", APNE),
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

/// The function of a unit that is a hospital.
const SYKEHUS: &str = "sykehus";

/// Reads what the sender told. `fra_personen`: nobody filed it on the
/// person's behalf, so no sender can be named. `funksjoner`: of the unit that
/// files it; what comes from a hospital has a hospital's packet.
pub(crate) fn les(
    request: MottaSoknadRequest,
    fra_personen: bool,
    funksjoner: &[String],
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
    let by_hospital = funksjoner.iter().any(|held| held == SYKEHUS);
    let role = innsender.as_ref().map(|sender| sender.rolle);
    if by_hospital && role.is_some_and(|role| role != Innsenderrolle::Sykehus) {
        faults.contradicts(
            "innsender.rolle",
            "aktor",
            "søknaden kommer fra et sykehus; si SYKEHUS, eller utelat innsender",
        );
    }
    let from_hospital = by_hospital || role == Some(Innsenderrolle::Sykehus);
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
        gjelder_bolig: felt::flere_valg(
            &request.gjelder_bolig,
            "gjelder_bolig",
            "samspor.bestillerkontor.v1.Boligrett",
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
    let said = |units: Vec<String>| units.into_iter().map(|unit| (unit, now)).collect();
    let nektet = said(innsendt.kontakt.nektet());
    // Others tell what the person agreed to; it counts when the person says it,
    // or staff of the unit have asked (SettKontaktsamtykke).
    let allowed = innsendt.kontakt.tillatt().filter(|_| fra_personen);
    let tillatt = said(allowed.cloned().collect());
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
            nektet,
            tillatt,
            avsluttet: None,
            henleggelse: None,
            foreslatt: None,
            henleggelse_avvist: String::new(),
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
    kartlegging::rules::krev_kvittert(&begun.utgave.innhold)?;
    let mut out = Virkninger::new();
    bekreft(&mut soknad, &av, now, &mut out);
    ga_videre(&mut soknad, &mut out);
    soknad.tilstand = Tilstand::Klar;
    let utgave = kartlegging::rules::ferdigstill(begun.utgave.clone(), funn, av, now);
    out.hendelse("SoknadKlar", &soknad.emne(), [&*soknad.ansvarlig_enhet]);
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
    let before = std::mem::take(&mut soknad.innhold.tillatt);
    for unit in said.tillatt() {
        let since = before.get(unit).copied().unwrap_or(now);
        soknad.innhold.tillatt.insert(unit.clone(), since);
    }
    if soknad.innhold.bekreftet.is_some() && APNE.contains(&soknad.tilstand) {
        for (unit, since) in &before {
            if !soknad.innhold.tillatt.contains_key(unit) {
                let ended = kontakt::apnet(&soknad, unit, *since, Some(now));
                out.faktum(ended);
            }
        }
        out.fakta.extend(soknad.fakta(None));
    }
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

/// What is left when the person takes an application back.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rest {
    /// A unit has decided its lines already, which stand.
    pub(crate) vedtatt: bool,
    /// An answer warns, and nobody has looked into it.
    pub(crate) varsel: bool,
}

/// Takes it back on the person's wish.
pub(crate) fn trekk(
    mut soknad: Soknad,
    onske: String,
    rest: Rest,
    av: Aktor,
    now: Tid,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "TrekkSoknad")?;
    soknad.innhold.trukket_onske = onske;
    let tilstand = if rest.vedtatt {
        Tilstand::Vedtatt
    } else {
        Tilstand::Trukket
    };
    let (soknad, mut out) = avslutt(soknad, tilstand, "SoknadTrukket", av, now);
    if rest.varsel {
        // The unit keeps the case for as long as it takes to look.
        let looked = Dag::av(now).pluss_arbeidsdager(1).slutt();
        out.fakta = soknad.fakta(Some(looked));
    }
    Ok((soknad, out))
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

/// Proposes to close it without a vedtak.
///
/// # Errors
/// `KONFLIKT` while another proposal waits: its clock runs until it is decided.
pub(crate) fn foresla_henleggelse(
    mut soknad: Soknad,
    henleggelse: Henleggelse,
    av: Aktor,
    now: Tid,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "ForeslaHenleggelse")?;
    if soknad.innhold.foreslatt.is_some() {
        return Err(Refusal::conflict(
            "et forslag om henleggelse (HenleggSoknad, AvvisHenleggelse)",
        ));
    }
    soknad.innhold.foreslatt = Some((henleggelse, av));
    let mut out = Virkninger::new();
    let emne = soknad.emne();
    out.hendelse("HenleggelseForeslatt", &emne, [&*emne.eier]);
    let due = kalender::arbeidsdager_etter(now, HENLEGGELSE_ARBEIDSDAGER);
    out.frist(FRIST_HENLEGGELSE, &emne, due, None, [&*emne.eier]);
    Ok((soknad, out))
}

/// Says no to closing it: the case goes on.
///
/// # Errors
/// `UGYLDIG_OVERGANG` without a proposal.
pub(crate) fn avvis_henleggelse(
    mut soknad: Soknad,
    begrunnelse: String,
) -> Result<(Soknad, Virkninger), Refusal> {
    krev(&soknad, "AvvisHenleggelse")?;
    if soknad.innhold.foreslatt.is_none() {
        return Err(ingen_henleggelse());
    }
    let mut out = Virkninger::new();
    ga_videre(&mut soknad, &mut out);
    soknad.innhold.henleggelse_avvist = begrunnelse;
    out.hendelse(
        "HenleggelseAvvist",
        &soknad.emne(),
        [&*soknad.ansvarlig_enhet],
    );
    Ok((soknad, out))
}

fn ingen_henleggelse() -> Refusal {
    Refusal::transition("INGEN_HENLEGGELSE", &["ForeslaHenleggelse"])
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
        return Err(ingen_henleggelse());
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
mod tests;
