//! Utestengelse: that somebody is barred, by a provider of places or from the
//! office.
//!
//! GJELDER → OPPHEVET | UTLOPT. Invariants: a bar has a reason, an end and a day
//! on which somebody looks at it again, with a clock; a complaint has its own;
//! whoever is barred keeps somebody by name and a number to ring; when every
//! provider of places in use bars the person, the unit is told the same day and
//! until that is no longer so.

use std::{collections::BTreeSet, time::Duration};

use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger, felles::tall, felt, kalender, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    page::Page,
    store::Tx,
    tabell,
    tid::Tid,
};
use samspor_proto::{
    felles::{Feilgrunn, Kvittering},
    nav::{
        self as proto, AvgjorUtestengelsesklageRequest, AvgjorUtestengelsesklageResponse,
        GjennomgaUtestengelseRequest, GjennomgaUtestengelseResponse, HentUtestengelseRequest,
        HentUtestengelseResponse, KlagUtestengelseRequest, KlagUtestengelseResponse, Klageutfall,
        ListUtestengelserRequest, ListUtestengelserResponse, RegistrerUtestengelseRequest,
        RegistrerUtestengelseResponse, UtestengelseTilstand, Utestengelsessted,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    botilbud::klokke,
    forvaltning::for_person_eller_enhet,
    innboks::{self, Type},
    innstillinger::{Innstillinger, innstillinger},
    lesing::lesing,
    opphold::stengt,
    plass, sak,
};

/// Deadline: somebody looks at it again.
pub(crate) const FRIST_GJENNOMGANG: &str = "utestengelse_gjennomgang";
/// Deadline: its last day has passed.
pub(crate) const FRIST_UTLOP: &str = "utestengelse_utlop";
/// Deadline: a complaint is decided.
pub(crate) const FRIST_KLAGE: &str = "utestengelse_klage";
/// Deadline: a person whom every provider bars has somewhere to go.
pub(crate) const FRIST_OVERALT: &str = "utestengelse_overalt";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Klage {
    tid: Tid,
    tekst: String,
    svar: Option<Klagesvar>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Klagesvar {
    tid: Tid,
    av: Aktor,
    #[serde(with = "tall")]
    utfall: Klageutfall,
    tekst: String,
    hjemmel: Hjemmel,
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Utestengelse {
    #[serde(with = "tall")]
    sted: Utestengelsessted,
    leverandor: String,
    arsak: String,
    fra: Dag,
    til: Dag,
    gjennomgang: Dag,
    kontaktperson: String,
    vakttelefon: String,
    registrert: (Tid, Aktor),
    vurdering: Option<(Tid, Aktor, String)>,
    klage: Option<Klage>,
    /// When it ended, and whether it was lifted before its last day.
    slutt: Option<(Tid, bool)>,
}

impl Utestengelse {
    /// Since when and until when it keeps somebody out who stays with the
    /// provider since that day: from the morning of its first day, but no longer
    /// ago than a request for a bed may be registered, until its last has passed.
    fn ute(&self, der_fra: Dag, settings: &Innstillinger) -> (Tid, Tid) {
        let (registered, _) = self.registrert;
        let hours = settings.etterregistrering_timer;
        let oldest = registered.minus(Duration::from_hours(hours.into()));
        let morning = self.fra.max(der_fra).klokken(settings.morgen_time);
        (morning.max(oldest).min(registered), self.til.slutt())
    }
}

impl lager::Innhold for Utestengelse {
    const SAMLING: &'static str = "utestengelser";
    const SQL: &'static lager::Sql = tabell!("utestengelse");

    fn apen(&self) -> bool {
        self.slutt.is_none()
    }
}

fn to_proto(post: &Post<Utestengelse>) -> proto::Utestengelse {
    let Utestengelse {
        sted,
        leverandor,
        arsak,
        fra,
        til,
        gjennomgang,
        kontaktperson,
        vakttelefon,
        registrert,
        vurdering,
        klage,
        slutt,
    } = post.innhold.clone();
    let state = match slutt {
        None => UtestengelseTilstand::Gjelder,
        Some((_, true)) => UtestengelseTilstand::Opphevet,
        Some((_, false)) => UtestengelseTilstand::Utlopt,
    };
    let answer = klage.as_ref().and_then(|klage| klage.svar.clone());
    proto::Utestengelse {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: state.into(),
        sted: sted.into(),
        leverandor,
        arsak,
        fra: fra.to_string(),
        til: til.to_string(),
        gjennomgang: gjennomgang.to_string(),
        kontaktperson,
        vakttelefon,
        registrert_av: Some(registrert.1.to_proto()),
        registrert: Some(registrert.0.into()),
        gjennomgatt_av: vurdering.as_ref().map(|(_, who, _)| who.to_proto()),
        klage_avgjort_av: answer.as_ref().map(|answer| answer.av.to_proto()),
        klagehjemmel: answer.as_ref().map(|answer| answer.hjemmel.to_proto()),
        gjennomgatt: vurdering.as_ref().map(|(at, ..)| (*at).into()),
        vurdering: vurdering.map(|(.., found)| found).unwrap_or_default(),
        klaget: klage.as_ref().map(|klage| klage.tid.into()),
        klage: klage.map(|klage| klage.tekst).unwrap_or_default(),
        klageutfall: answer
            .as_ref()
            .map(|answer| answer.utfall)
            .unwrap_or_default()
            .into(),
        klagesvar: answer.map(|answer| answer.tekst).unwrap_or_default(),
        avsluttet: slutt.map(|(at, _)| at.into()),
        skjerming: None,
    }
}

/// Reads a bar. None only where there is a fault.
fn les(
    request: &RegistrerUtestengelseRequest,
    av: Aktor,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Utestengelse> {
    let sted = felt::valg(
        request.sted,
        "sted",
        "samspor.nav.v1.Utestengelsessted",
        faults,
    );
    let leverandor = felt::tekst(&request.leverandor, "leverandor", felt::KORT, faults);
    match (sted, leverandor.is_empty()) {
        (Utestengelsessted::Leverandor, true) => faults.missing("leverandor"),
        (Utestengelsessted::Kontoret, false) => {
            faults.contradicts(
                "leverandor",
                "sted",
                "en leverandør er oppgitt for kontoret",
            );
        }
        _ => {}
    }
    let arsak = felt::pakrevd(&request.arsak, "arsak", felt::LANG, faults);
    let kontaktperson = felt::pakrevd(&request.kontaktperson, "kontaktperson", felt::KORT, faults);
    let vakttelefon = felt::pakrevd(&request.vakttelefon, "vakttelefon", felt::KORT, faults);
    let fra = felt::pakrevd_dag(&request.fra, "fra", faults);
    let til = felt::pakrevd_dag(&request.til, "til", faults);
    let gjennomgang = felt::pakrevd_dag(&request.gjennomgang, "gjennomgang", faults);
    let (fra, til, gjennomgang) = (fra?, til?, gjennomgang?);
    let today = Dag::av(now);
    if fra > today {
        faults.form("fra", "en dag som ikke er i framtiden");
    }
    if til < today || til < fra {
        faults.contradicts("til", "fra", "siste dag er over, eller før første");
    }
    if gjennomgang < today || gjennomgang > til {
        faults.contradicts("gjennomgang", "til", "en dag fra i dag til siste dag");
    }
    Some(Utestengelse {
        sted,
        leverandor,
        arsak,
        fra,
        til,
        gjennomgang,
        kontaktperson,
        vakttelefon,
        registrert: (now, av),
        vurdering: None,
        klage: None,
        slutt: None,
    })
}

fn frist_gjennomgang(post: &Post<Utestengelse>, out: &mut Virkninger) {
    let day = post.innhold.gjennomgang;
    let warn = Some(day.pluss_dager(-3).start());
    out.frist(FRIST_GJENNOMGANG, &post.emne(), day.slutt(), warn, [ENHET]);
}

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerUtestengelseRequest,
) -> Result<RegistrerUtestengelseResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let barred = les(&request, av, tx.now(), &mut faults);
    faults.finish()?;
    let barred = barred.ok_or_else(|| Error::internal("no bar and no fault"))?;
    lager::las_person(tx, &person).await?;
    sak::folg(tx, &person, ENHET).await?;
    let post = Post::ny(ENHET, person, tx.new_id(), barred);
    lager::legg_til(tx, &post).await?;
    let mut out = Virkninger::new();
    out.hendelse("UtestengelseRegistrert", &post.emne(), [ENHET]);
    frist_gjennomgang(&post, &mut out);
    out.frist(
        FRIST_UTLOP,
        &post.emne(),
        post.innhold.til.slutt(),
        None,
        [ENHET],
    );
    out.utfor(tx);
    overalt(tx, &post.person).await?;
    stengt::steder_endret(tx, &post.person).await?;
    Ok(RegistrerUtestengelseResponse {
        utestengelse: Some(to_proto(&post)),
    })
}

/// Providers are the same when their names are, but for case and white space.
fn nokkel(leverandor: &str) -> String {
    leverandor.trim().to_lowercase()
}

/// Tells where every provider of places in use bars the person, once, and that
/// it is no longer so. The person's records are locked.
async fn overalt(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let open = lager::apne::<Utestengelse>(tx, person).await?;
    let by_provider = open
        .iter()
        .filter(|post| !post.innhold.leverandor.is_empty());
    let barred: BTreeSet<String> = by_provider
        .clone()
        .map(|post| nokkel(&post.innhold.leverandor))
        .collect();
    let providers = plass::leverandorer(tx).await?;
    let everywhere = !providers.is_empty()
        && providers
            .iter()
            .all(|provider| barred.contains(&nokkel(provider)));
    // The oldest bar carries what is told, however many there are.
    let mut out = Virkninger::new();
    for (n, post) in by_provider.enumerate() {
        if everywhere && n == 0 {
            let due = klokke::samme_dag(tx.now(), innstillinger()?);
            if innboks::venter(tx, Type::StengtOveralt, &post.name()).await? {
                continue;
            }
            out.hendelse("StengtUteOveralt", &post.emne(), [ENHET]);
            out.frist(FRIST_OVERALT, &post.emne(), due, None, [ENHET]);
            innboks::be_om(tx, Type::StengtOveralt, &post.emne(), due).await?;
        } else {
            innboks::ferdig(tx, Type::StengtOveralt, &post.name()).await?;
            out.slett_frist(FRIST_OVERALT, &post.name());
        }
    }
    out.utfor(tx);
    Ok(())
}

/// Who is barred, in the order of their ids.
pub(crate) async fn utestengte(tx: &mut Tx) -> Result<BTreeSet<String>, Error> {
    let mut persons = BTreeSet::new();
    let mut token = String::new();
    loop {
        let page = Page::parse(0, &token)?;
        let (open, next) = lager::enhetens::<Utestengelse>(tx, ENHET, &page).await?;
        persons.extend(open.into_iter().map(|post| post.person));
        if next.is_empty() {
            return Ok(persons);
        }
        token = next;
    }
}

/// A place went out of use or came into it: who is barred everywhere may have
/// changed.
pub(crate) async fn plasser_endret(tx: &mut Tx) -> Result<(), Error> {
    // In one order, so that two of these do not wait for each other.
    for person in utestengte(tx).await? {
        lager::las_person(tx, &person).await?;
        overalt(tx, &person).await?;
    }
    Ok(())
}

/// Bars of a provider that nobody has ended, also where the last day has passed.
async fn hos(tx: &mut Tx, person: &str, leverandor: &str) -> Result<Vec<Utestengelse>, Error> {
    let open = lager::apne::<Utestengelse>(tx, person).await?.into_iter();
    let wanted = nokkel(leverandor);
    let bars = open.filter(|post| nokkel(&post.innhold.leverandor) == wanted);
    Ok(bars.map(|post| post.innhold).collect())
}

/// Until when a provider bars the person; none where it does not.
pub(crate) async fn stengt_til(
    tx: &mut Tx,
    person: &str,
    leverandor: &str,
) -> Result<Option<Dag>, Error> {
    let today = Dag::av(tx.now());
    let bars = hos(tx, person, leverandor).await?.into_iter();
    Ok(bars.map(|bar| bar.til).filter(|til| *til >= today).max())
}

/// Since when and until when bars of a provider that nobody has ended keep out
/// the person, who stays there since that day.
pub(crate) async fn ute(
    tx: &mut Tx,
    person: &str,
    leverandor: &str,
    der_fra: Dag,
) -> Result<Vec<(Tid, Tid)>, Error> {
    let settings = innstillinger()?;
    let bars = hos(tx, person, leverandor).await?;
    Ok(bars.iter().map(|bar| bar.ute(der_fra, settings)).collect())
}

async fn les_for_endring(
    tx: &mut Tx,
    name: &str,
    faults: FieldFaults,
) -> Result<Post<Utestengelse>, Error> {
    let post = lager::hent_for_endring::<Utestengelse>(tx, name, faults).await?;
    match post.innhold.slutt {
        None => Ok(post),
        Some((_, true)) => Err(Refusal::transition("OPPHEVET", &[]).into()),
        Some((_, false)) => Err(Refusal::transition("UTLOPT", &[]).into()),
    }
}

/// Stores a bar that has ended.
async fn lagre_slutt(
    tx: &mut Tx,
    post: &mut Post<Utestengelse>,
    lifted: bool,
) -> Result<(), Error> {
    stengt::skriv(tx, &post.person).await?;
    post.innhold.slutt = Some((tx.now(), lifted));
    lager::lagre(tx, post).await?;
    let name = post.name();
    let mut out = Virkninger::new();
    out.hendelse("UtestengelseAvsluttet", &post.emne(), [ENHET]);
    for kind in [FRIST_GJENNOMGANG, FRIST_UTLOP, FRIST_KLAGE, FRIST_OVERALT] {
        out.slett_frist(kind, &name);
    }
    out.utfor(tx);
    for type_ in [
        Type::Utestengelse,
        Type::StengtOveralt,
        Type::UtestengelseKlage,
    ] {
        innboks::ferdig(tx, type_, &name).await?;
    }
    overalt(tx, &post.person).await?;
    stengt::steder_endret(tx, &post.person).await?;
    sak::noe_sluttet(tx, &post.person, ENHET).await
}

/// Its last day has passed.
pub(crate) async fn utlopt(tx: &mut Tx, name: &str) -> Result<(), Error> {
    let mut post = lager::hent_for_endring::<Utestengelse>(tx, name, FieldFaults::new()).await?;
    if post.innhold.slutt.is_none() {
        lagre_slutt(tx, &mut post, false).await?;
    }
    Ok(())
}

pub(crate) async fn gjennomga(
    tx: &mut Tx,
    request: GjennomgaUtestengelseRequest,
) -> Result<GjennomgaUtestengelseResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let now = tx.now();
    let mut faults = FieldFaults::new();
    let found = felt::pakrevd(&request.vurdering, "vurdering", felt::LANG, &mut faults);
    let next = if request.opphev {
        if !request.gjennomgang.is_empty() {
            let rule = "den oppheves og gjennomgås ikke igjen";
            faults.contradicts("gjennomgang", "opphev", rule);
        }
        None
    } else {
        felt::pakrevd_dag(&request.gjennomgang, "gjennomgang", &mut faults)
    };
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    post.innhold.vurdering = Some((now, av, found));
    match next {
        None => lagre_slutt(tx, &mut post, true).await?,
        Some(next) => {
            if next <= Dag::av(now) || next > post.innhold.til {
                let mut faults = FieldFaults::new();
                let rule = "en dag i framtiden, senest siste dag";
                faults.contradicts("gjennomgang", "til", rule);
                faults.finish()?;
            }
            post.innhold.gjennomgang = next;
            lager::lagre(tx, &mut post).await?;
            innboks::ferdig(tx, Type::Utestengelse, &post.name()).await?;
            let mut out = Virkninger::new();
            out.hendelse("UtestengelseGjennomgatt", &post.emne(), [ENHET]);
            frist_gjennomgang(&post, &mut out);
            out.utfor(tx);
        }
    }
    Ok(GjennomgaUtestengelseResponse {
        utestengelse: Some(to_proto(&post)),
    })
}

pub(crate) async fn klag(
    tx: &mut Tx,
    request: KlagUtestengelseRequest,
) -> Result<KlagUtestengelseResponse, Error> {
    for_person_eller_enhet(tx)?;
    let now = tx.now();
    let mut faults = FieldFaults::new();
    let tekst = felt::pakrevd(&request.klage, "klage", felt::LANG, &mut faults);
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    if post
        .innhold
        .klage
        .as_ref()
        .is_some_and(|klage| klage.svar.is_none())
    {
        return Err(Refusal::conflict("en klage som venter på svar").into());
    }
    post.innhold.klage = Some(Klage {
        tid: now,
        tekst,
        svar: None,
    });
    lager::lagre(tx, &mut post).await?;
    let days = innstillinger()?.utestengelse_klage_arbeidsdager;
    let due = kalender::arbeidsdager_etter(now, days);
    let mut out = Virkninger::new();
    out.hendelse("UtestengelsePaklaget", &post.emne(), [ENHET]);
    out.frist(FRIST_KLAGE, &post.emne(), due, None, [ENHET]);
    out.utfor(tx);
    innboks::be_om(tx, Type::UtestengelseKlage, &post.emne(), due).await?;
    Ok(KlagUtestengelseResponse {
        kvittering: Some(Kvittering {
            referanse: post.id,
            mottatt: Some(now.into()),
        }),
    })
}

pub(crate) async fn avgjor_klage(
    tx: &mut Tx,
    request: AvgjorUtestengelsesklageRequest,
) -> Result<AvgjorUtestengelsesklageResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let utfall = felt::valg(
        request.utfall,
        "utfall",
        "samspor.nav.v1.Klageutfall",
        &mut faults,
    );
    let tekst = felt::pakrevd(&request.svar, "svar", felt::LANG, &mut faults);
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", &mut faults);
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    if av.ansatt.is_empty() || av.er_samme_ansatte(&post.innhold.registrert.1) {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W4")
            .with(
                "rad",
                "En annen enn den som registrerte utestengelsen, avgjør klagen.",
            )
            .into());
    }
    let Some(klage) = post
        .innhold
        .klage
        .as_mut()
        .filter(|klage| klage.svar.is_none())
    else {
        return Err(Refusal::transition("GJELDER", &["KlagUtestengelse"]).into());
    };
    klage.svar = Some(Klagesvar {
        tid: tx.now(),
        av,
        utfall,
        tekst,
        hjemmel,
    });
    if utfall == Klageutfall::Medhold {
        lagre_slutt(tx, &mut post, true).await?;
    } else {
        lager::lagre(tx, &mut post).await?;
        innboks::ferdig(tx, Type::UtestengelseKlage, &post.name()).await?;
        let mut out = Virkninger::new();
        out.hendelse("UtestengelsesklageAvgjort", &post.emne(), [ENHET]);
        out.slett_frist(FRIST_KLAGE, &post.name());
        out.utfor(tx);
    }
    Ok(AvgjorUtestengelsesklageResponse {
        utestengelse: Some(to_proto(&post)),
    })
}

lesing!(
    Utestengelse,
    HentUtestengelseRequest -> HentUtestengelseResponse.utestengelse,
    ListUtestengelserRequest -> ListUtestengelserResponse.utestengelser
);
