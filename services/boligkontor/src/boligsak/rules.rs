//! What may happen to an application for a dwelling.

use std::{collections::BTreeSet, time::Duration};

use samspor_chassis::{
    domene::{Aktor, Emne, Overganger, Virkninger, felt, kalender, navn},
    error::{FieldFaults, Refusal},
    lager::Post,
    tid::Tid,
};
use samspor_proto::{
    boligkontor::{
        self as proto, Bemanning, Boligbehov, Boligsoknad, Kommendearsak, Tildelingstype,
        Vilkarsutfall,
    },
    felles::{Feilgrunn, Rolle},
};

use super::{
    Avgjorelse, Behov, Boligsak, FRIST_FORELOPIG_SVAR, Soknad, Tilstand, Vilkarsvurdering,
    Vurdering, fakta,
};
use crate::{ENHET, KOORDINERING, regler::Regelsett};

const APNE: &[Tilstand] = &[
    Tilstand::Mottatt,
    Tilstand::UnderVurdering,
    Tilstand::Godkjent,
];

/// Which verb is allowed in which state. The last is no RPC: a reservation
/// became a tenancy.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("EndreBoligsak", APNE),
    ("GiForelopigBoligsvar", APNE),
    ("VurderVilkar", APNE),
    ("GodkjennBoligsak", &[Tilstand::UnderVurdering]),
    ("AvslaBoligsak", &[Tilstand::UnderVurdering]),
    ("TrekkBoligsak", APNE),
    (TILDEL, &[Tilstand::Godkjent]),
]);

/// A reservation became a tenancy.
pub(crate) const TILDEL: &str = "InngaKontrakt";

/// How long before the preliminary answer is due the unit is warned.
const VARSEL: Duration = Duration::from_hours(7 * 24);
/// The largest household, and the farthest that anything is from a dwelling.
const PERSONER: i32 = 20;
const METER: i32 = 200_000;

fn krev(post: &Post<Boligsak>, verb: &str) -> Result<(), Refusal> {
    let state = post.innhold.tilstand;
    let mut allowed = OVERGANGER.tillatt(state);
    if allowed.contains(&verb) {
        return Ok(());
    }
    // Called for the reservation, never for the case.
    allowed.retain(|verb| *verb != TILDEL);
    Err(Refusal::transition(state.kode(), &allowed))
}

/// Who answers for it: the first unit that allocates the type here. Where the
/// person is hidden, one of those who still see the person (`mandaterte`): one
/// that allocates the type, else any that allocates, else the first.
pub(crate) fn ansvarlig<'u>(
    type_: &str,
    mandaterte: &'u [String],
    tildelere: &'u std::collections::BTreeMap<String, Vec<String>>,
) -> Option<&'u str> {
    let of_type = tildelere.get(type_);
    if mandaterte.is_empty() {
        return of_type?.first().map(String::as_str);
    }
    let here = |unit: &&String| of_type.is_some_and(|units| units.contains(unit));
    let any = |unit: &&String| tildelere.values().any(|units| units.contains(unit));
    let mandated = mandaterte.iter();
    mandated
        .clone()
        .find(here)
        .or(mandated.clone().find(any))
        .or(mandaterte.first())
        .map(String::as_str)
}

/// What is told about the right that a case rests on.
struct Retthendelser {
    /// A dwelling was let by it.
    oppfylt: &'static str,
    /// It is the person's no more.
    opphort: &'static str,
    /// The same, and one of the other type is, by the same right.
    byttet: &'static str,
}

/// The type is one that a right to a dwelling is met with; which right it is, is
/// not known here. None: nobody gives a right to it.
const fn rett_hendelser(type_: Tildelingstype) -> Option<Retthendelser> {
    match type_ {
        Tildelingstype::Omsorgsbolig => Some(Retthendelser {
            oppfylt: "OmsorgsboligrettOppfylt",
            opphort: "OmsorgsboligrettOpphort",
            byttet: "OmsorgsboligrettByttetTilUtleie",
        }),
        Tildelingstype::KommunalUtleie => Some(Retthendelser {
            oppfylt: "UtleierettOppfylt",
            opphort: "UtleierettOpphort",
            byttet: "UtleierettByttetTilOmsorgsbolig",
        }),
        _ => None,
    }
}

/// Reads what is applied for, of a type.
pub(crate) fn les(
    (person, type_): (&str, Tildelingstype),
    given: Boligsoknad,
    faults: &mut FieldFaults,
) -> Soknad {
    let Boligsoknad {
        eget_onske,
        voksne,
        barn,
        behov,
        boligsituasjon,
        kommende_dag,
        kommende_arsak,
        rett,
    } = given;
    for (field, count, least) in [("soknad.voksne", voksne, 1), ("soknad.barn", barn, 0)] {
        if !(least..=PERSONER).contains(&count) {
            faults.range(field, least, PERSONER);
        }
    }
    let kommende_dag = felt::dag(&kommende_dag, "soknad.kommende_dag", faults);
    let kommende_arsak: Kommendearsak = match kommende_arsak {
        0 => Kommendearsak::Unspecified,
        number => felt::valg(
            number,
            "soknad.kommende_arsak",
            "samspor.boligkontor.v1.Kommendearsak",
            faults,
        ),
    };
    if kommende_arsak != Kommendearsak::Unspecified && kommende_dag.is_none() {
        faults.missing("soknad.kommende_dag");
    }
    if !rett.is_empty() {
        let (whose, _) = navn::les_post(&rett, "vedtak", "soknad.rett", faults);
        if !whose.is_empty() && whose != person {
            faults.contradicts("soknad.rett", "parent", "vedtaket gjelder en annen person");
        }
        if type_ != Tildelingstype::Unspecified && rett_hendelser(type_).is_none() {
            let told = "ingen rett etter vedtak oppfylles med denne typen; la feltet stå tomt, \
                        eller søk om typen som retten gjelder";
            faults.contradicts("soknad.rett", "tildelingstype", told);
        }
    }
    Soknad {
        eget_onske: felt::pakrevd(&eget_onske, "soknad.eget_onske", felt::LANG, faults),
        voksne,
        barn,
        behov: les_behov(behov.unwrap_or_default(), faults),
        boligsituasjon: felt::valg(
            boligsituasjon,
            "soknad.boligsituasjon",
            "samspor.boligkontor.v1.Boligsituasjon",
            faults,
        ),
        kommende_dag,
        kommende_arsak,
        rett,
    }
}

fn les_behov(given: Boligbehov, faults: &mut FieldFaults) -> Behov {
    let Boligbehov {
        omrader,
        bemanning,
        rullestol,
        trappefri,
        rusfritt_miljo,
        soverom,
        meter_tjenester,
        kvinne,
        bare_kvinner,
        funksjon,
    } = given;
    for (field, number, most) in [
        ("soknad.behov.soverom", soverom, PERSONER),
        ("soknad.behov.meter_tjenester", meter_tjenester, METER),
    ] {
        if !(0..=most).contains(&number) {
            faults.range(field, 0, most);
        }
    }
    if bare_kvinner && !kvinne {
        faults.contradicts(
            "soknad.behov.bare_kvinner",
            "soknad.behov.kvinne",
            "et hus bare for kvinner er for kvinner; sett kvinne",
        );
    }
    let bemanning = match bemanning {
        0 => Bemanning::Unspecified,
        number => felt::valg(
            number,
            "soknad.behov.bemanning",
            "samspor.boligkontor.v1.Bemanning",
            faults,
        ),
    };
    Behov {
        omrader: felt::tekster(&omrader, "soknad.behov.omrader", 20, faults),
        bemanning,
        rullestol,
        trappefri,
        rusfritt_miljo,
        soverom,
        meter_tjenester,
        kvinne,
        bare_kvinner,
        funksjon: felt::tekst(&funksjon, "soknad.behov.funksjon", felt::LANG, faults),
    }
}

/// Who hears: who owns it, the office that keeps the queue, and who gave the
/// right that it rests on.
fn mottakere(post: &Post<Boligsak>) -> Vec<String> {
    let mut units = vec![post.enhet.clone(), ENHET.to_owned()];
    if !post.innhold.soknad.rett.is_empty() {
        units.push("bestillerkontor".to_owned());
    }
    units.sort_unstable();
    units.dedup();
    units
}

/// The same where the case begins or ends: koordinering knows which unit answers
/// for an open need before a person is hidden from it, and keeps the person's id.
fn med_koordinering(post: &Post<Boligsak>) -> Vec<String> {
    let mut told = mottakere(post);
    told.push(KOORDINERING.to_owned());
    told
}

/// How an application came.
pub(crate) struct Mottak {
    pub(crate) person: String,
    pub(crate) id: String,
    /// Unit that answers for it.
    pub(crate) ansvarlig: String,
    pub(crate) tildelingstype: Tildelingstype,
    pub(crate) fra_personen: bool,
}

/// Takes one in.
pub(crate) fn registrer(
    mottak: Mottak,
    soknad: Soknad,
    (now, av): (Tid, Aktor),
) -> (Post<Boligsak>, Virkninger) {
    let due = kalender::maneder_etter(now, 1);
    let innhold = Boligsak {
        tilstand: Tilstand::Mottatt,
        tildelingstype: mottak.tildelingstype,
        mottatt: now,
        // Another unit or the person brought it: two already know of it.
        bekreftet: (mottak.fra_personen || av.enhet != mottak.ansvarlig).then_some(now),
        registrert_av: av,
        fra_personen: mottak.fra_personen,
        soknad,
        forelopig_svar_frist: due,
        forelopig_svar: None,
        vurdering: None,
        avgjorelse: None,
        trukket: None,
        tildelt: None,
    };
    let post = Post::ny(&mottak.ansvarlig, mottak.person, mottak.id, innhold);
    let mut out = Virkninger::new();
    out.hendelse("BoligsakMottatt", &post.emne(), med_koordinering(&post));
    out.fakta.extend(fakta(&post));
    let warn = Some(due.minus(VARSEL));
    let owner = [post.enhet.as_str()];
    out.frist(FRIST_FORELOPIG_SVAR, &post.emne(), due, warn, owner);
    (post, out)
}

/// What is applied for has changed.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn endre(
    mut post: Post<Boligsak>,
    soknad: Soknad,
) -> Result<(Post<Boligsak>, Virkninger), Refusal> {
    krev(&post, "EndreBoligsak")?;
    post.innhold.soknad = soknad;
    let mut out = Virkninger::new();
    out.hendelse("BoligsakEndret", &post.emne(), mottakere(&post));
    Ok((post, out))
}

/// The person was told how long it takes.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn forelopig_svar(
    mut post: Post<Boligsak>,
    told: String,
    now: Tid,
) -> Result<(Post<Boligsak>, Virkninger), Refusal> {
    krev(&post, "GiForelopigBoligsvar")?;
    post.innhold.forelopig_svar = Some((now, told));
    let mut out = Virkninger::new();
    out.slett_frist(FRIST_FORELOPIG_SVAR, &post.name());
    Ok((post, out))
}

/// Reads an assessment: each condition of the type once, an exception only where
/// the rules allow it and with a reason, and groups that the rules name.
pub(crate) fn les_vurdering(
    given: (Vec<proto::Vilkarsvurdering>, Vec<String>, Vec<String>),
    (sett, type_): (&Regelsett, Tildelingstype),
    (tid, av): (Tid, Aktor),
    faults: &mut FieldFaults,
) -> Vurdering {
    let (conditions, open, shielded) = given;
    let mut missing: Vec<&str> = sett.vilkar(type_).map(|one| one.nokkel.as_str()).collect();
    let mut vilkar = Vec::new();
    for (place, given) in conditions.iter().enumerate() {
        let field = |part: &str| format!("vilkar[{place}].{part}");
        let known = sett.vilkar(type_).find(|one| one.nokkel == given.nokkel);
        let Some(known) = known.filter(|one| missing.contains(&one.nokkel.as_str())) else {
            faults.unknown(field("nokkel"), missing.join(", "));
            continue;
        };
        missing.retain(|key| *key != known.nokkel);
        let utfall: Vilkarsutfall = felt::valg(
            given.utfall,
            &field("utfall"),
            "samspor.boligkontor.v1.Vilkarsutfall",
            faults,
        );
        if utfall == Vilkarsutfall::Unntak && !known.unntak {
            faults.contradicts(
                field("utfall"),
                "regler",
                format_args!("{} har ingen unntak i {}", known.nokkel, sett.versjon),
            );
        }
        let (text, name) = (&given.begrunnelse, field("begrunnelse"));
        let begrunnelse = match utfall {
            Vilkarsutfall::Oppfylt => felt::tekst(text, &name, felt::LANG, faults),
            _ => felt::pakrevd(text, &name, felt::LANG, faults),
        };
        vilkar.push(Vilkarsvurdering {
            nokkel: known.nokkel.clone(),
            utfall,
            begrunnelse,
        });
    }
    if !missing.is_empty() {
        let form = format_args!("hvert vilkår én gang; mangler {}", missing.join(", "));
        faults.form("vilkar", form);
    }
    let mut groups = |given: Vec<String>, field: &str, shielded: bool| {
        let of = |one: &&crate::regler::Prioritet| one.skjermet == shielded;
        let known: BTreeSet<&str> = sett
            .prioritet(type_)
            .filter(of)
            .map(|one| one.nokkel.as_str())
            .collect();
        for (place, key) in given.iter().enumerate() {
            if !known.contains(key.as_str()) {
                let valid: Vec<&str> = known.iter().copied().collect();
                faults.unknown(format!("{field}[{place}]"), valid.join(", "));
            }
        }
        given
    };
    Vurdering {
        tid,
        av,
        regelversjon: sett.versjon.clone(),
        vilkar,
        grunner: groups(open, "prioritetsgrunner", false),
        skjermede: groups(shielded, "skjermede_grunner", true),
    }
}

/// Each condition is assessed. One that is on the list stays there.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn vurder(
    mut post: Post<Boligsak>,
    vurdering: Vurdering,
) -> Result<(Post<Boligsak>, Virkninger), Refusal> {
    krev(&post, "VurderVilkar")?;
    let sak = &mut post.innhold;
    if sak.bekreftet.is_none() && !vurdering.av.er_samme_ansatte(&sak.registrert_av) {
        sak.bekreftet = Some(vurdering.tid);
    }
    if sak.tilstand == Tilstand::Mottatt {
        sak.tilstand = Tilstand::UnderVurdering;
    }
    sak.vurdering = Some(vurdering);
    let mut out = Virkninger::new();
    out.hendelse("BoligsakVurdert", &post.emne(), mottakere(&post));
    out.fakta.extend(fakta(&post));
    Ok((post, out))
}

/// Another than who assessed decides.
fn krev_en_annen(post: &Post<Boligsak>, av: &Aktor) -> Result<(), Refusal> {
    let assessed = post.innhold.vurdering.as_ref();
    if av.ansatt.is_empty() || assessed.is_some_and(|by| by.av.er_samme_ansatte(av)) {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W4")
            .with(
                "rad",
                "En annen enn den som vurderte vilkårene, avgjør saken.",
            ));
    }
    Ok(())
}

fn avgjor(
    mut post: Post<Boligsak>,
    avgjorelse: Avgjorelse,
    til: Tilstand,
    event: &'static str,
) -> (Post<Boligsak>, Virkninger) {
    if post.innhold.bekreftet.is_none() {
        post.innhold.bekreftet = Some(avgjorelse.tid);
    }
    post.innhold.tilstand = til;
    post.innhold.avgjorelse = Some(avgjorelse);
    let mut told = match til {
        Tilstand::Godkjent => mottakere(&post),
        _ => med_koordinering(&post),
    };
    told.push(navn::person(&post.person));
    let mut out = Virkninger::new();
    out.hendelse(event, &post.emne(), told);
    out.fakta.extend(fakta(&post));
    out.slett_frist(FRIST_FORELOPIG_SVAR, &post.name());
    (post, out)
}

/// It is approved: on the list.
///
/// # Errors
/// `UGYLDIG_OVERGANG`, `IKKE_TILLATT`; a fault while a condition is not met.
pub(crate) fn godkjenn(
    post: Post<Boligsak>,
    avgjorelse: Avgjorelse,
) -> Result<(Post<Boligsak>, Virkninger), Refusal> {
    krev(&post, "GodkjennBoligsak")?;
    krev_en_annen(&post, &avgjorelse.av)?;
    let assessed = post.innhold.vurdering.iter().flat_map(|by| &by.vilkar);
    let unmet: Vec<&str> = assessed
        .filter(|one| one.utfall == Vilkarsutfall::IkkeOppfylt)
        .map(|one| one.nokkel.as_str())
        .collect();
    if !unmet.is_empty() {
        let mut faults = FieldFaults::new();
        faults.contradicts(
            "name",
            "vilkar",
            format_args!(
                "ikke oppfylt: {}; avslå saken, eller vurder unntak",
                unmet.join(", ")
            ),
        );
        faults.finish()?;
    }
    Ok(avgjor(
        post,
        avgjorelse,
        Tilstand::Godkjent,
        "BoligsakGodkjent",
    ))
}

/// It is refused.
///
/// # Errors
/// `UGYLDIG_OVERGANG`, `IKKE_TILLATT`.
pub(crate) fn avsla(
    post: Post<Boligsak>,
    avgjorelse: Avgjorelse,
) -> Result<(Post<Boligsak>, Virkninger), Refusal> {
    krev(&post, "AvslaBoligsak")?;
    krev_en_annen(&post, &avgjorelse.av)?;
    Ok(avgjor(
        post,
        avgjorelse,
        Tilstand::Avslatt,
        "BoligsakAvslatt",
    ))
}

/// The person takes it back; staff say how the person said it.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; a fault where staff do not say.
pub(crate) fn trekk(
    mut post: Post<Boligsak>,
    onske: String,
    (now, av): (Tid, &Aktor),
) -> Result<(Post<Boligsak>, Virkninger), Refusal> {
    krev(&post, "TrekkBoligsak")?;
    if onske.is_empty() && av.rolle != Rolle::Innbygger {
        let mut faults = FieldFaults::new();
        faults.missing("onske");
        faults.finish()?;
    }
    post.innhold.tilstand = Tilstand::Trukket;
    post.innhold.trukket = Some((now, onske));
    let mut out = Virkninger::new();
    let mut told = med_koordinering(&post);
    told.push(navn::person(&post.person));
    out.hendelse("BoligsakTrukket", &post.emne(), told);
    out.fakta.extend(fakta(&post));
    out.slett_frist(FRIST_FORELOPIG_SVAR, &post.name());
    Ok((post, out))
}

/// The person has the dwelling.
///
/// # Errors
/// `UGYLDIG_OVERGANG` for one that is not on the list.
pub(crate) fn tildel(
    mut post: Post<Boligsak>,
    leieforhold: &str,
    now: Tid,
) -> Result<(Post<Boligsak>, Virkninger), Refusal> {
    krev(&post, TILDEL)?;
    post.innhold.tilstand = Tilstand::Tildelt;
    post.innhold.tildelt = Some((now, leieforhold.to_owned()));
    let mut out = Virkninger::new();
    out.hendelse("BoligsakTildelt", &post.emne(), med_koordinering(&post));
    if let Some(told) = rett_hendelser(post.innhold.tildelingstype) {
        om_retten(&post, told.oppfylt, &mut out);
    }
    out.fakta.extend(fakta(&post));
    Ok((post, out))
}

/// The dwelling that the person got by the case is the person's no more. By the
/// same right the person may rent others, of such types (`andre`): one of this
/// type, and nothing is told; one of the other, and who knows the right is told
/// that too.
pub(crate) fn opphort(post: &Post<Boligsak>, andre: &[Tildelingstype]) -> Virkninger {
    let mut out = Virkninger::new();
    let type_ = post.innhold.tildelingstype;
    let told = rett_hendelser(type_).filter(|_| !andre.contains(&type_));
    if let Some(told) = told {
        let event = match andre {
            [] => told.opphort,
            _ => told.byttet,
        };
        om_retten(post, event, &mut out);
    }
    out
}

/// Tells who gave the right that the case rests on, about the vedtak: there is
/// nothing else to find it by there. The event says what was let, so that who
/// knows the right holds it against that.
fn om_retten(post: &Post<Boligsak>, event: &'static str, out: &mut Virkninger) {
    let right = &post.innhold.soknad.rett;
    if !right.is_empty() {
        let emne = Emne {
            post: right.clone(),
            ..post.emne()
        };
        out.hendelse(event, &emne, ["bestillerkontor"]);
    }
}
