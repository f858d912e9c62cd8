//! How a tenancy begins, is renewed, and ends.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, tilstand::Overganger},
    error::{FieldFaults, Refusal},
    lager::Post,
    tid::Tid,
};
use samspor_proto::boligkontor::{Oppsigelsesgrunn, Restanseutfall};

use super::{
    FRIST_FORNYING, FRIST_FRAFLYTTING, Leieforhold, Oppsigelse, Periode, Tilstand,
    TrukketOppsigelse, fakta,
};
use crate::{ENHET, innstillinger::Innstillinger, reservasjon::Reservasjon, restansesak::Avgjort};

/// Which verb is allowed in which state.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("ForlengLeieforhold", &[Tilstand::Lopende]),
    ("SiOppLeieforhold", &[Tilstand::Lopende]),
    ("TrekkOppsigelse", &[Tilstand::Oppsagt]),
    ("MeldFlytting", &[Tilstand::Lopende]),
    (
        "AvsluttLeieforhold",
        &[Tilstand::Lopende, Tilstand::Oppsagt],
    ),
    (
        "MeldOppfolgingAvslatt",
        &[Tilstand::Lopende, Tilstand::Oppsagt],
    ),
    ("RegistrerRestanse", &[Tilstand::Lopende, Tilstand::Oppsagt]),
    (
        "MeldFeilILeieforhold",
        &[Tilstand::Lopende, Tilstand::Oppsagt],
    ),
]);

pub(crate) fn krev(post: &Post<Leieforhold>, verb: &str) -> Result<(), Refusal> {
    let state = post.innhold.tilstand;
    OVERGANGER.krev(verb, state, state.kode())
}

/// What a contract says.
#[derive(Debug, Clone)]
pub(crate) struct Kontrakt {
    pub(crate) fra: Option<Dag>,
    pub(crate) til: Option<Dag>,
    pub(crate) begrunnelse: String,
    pub(crate) flere: String,
    pub(crate) oppfolgere: Vec<String>,
    pub(crate) husleie: i32,
}

/// A period from a day on. A contract for a time is for so long, or says why it
/// is shorter (husleieloven § 9-3).
fn periode(
    fra: Dag,
    til: Option<Dag>,
    begrunnelse: String,
    (now, av): (Tid, Aktor),
    innstillinger: &Innstillinger,
    faults: &mut FieldFaults,
) -> Periode {
    let months = i32::from(innstillinger.leie_maneder);
    let usual = fra.pluss_maneder(months).pluss_dager(-1);
    let til = til.unwrap_or(usual);
    if til < fra {
        faults.form("til", format_args!("en dag fra {fra}"));
    }
    if til < usual && begrunnelse.is_empty() {
        faults.missing("begrunnelse");
    }
    Periode {
        fra,
        til,
        begrunnelse,
        tid: now,
        av,
    }
}

/// By when it is decided whether it goes on: so many months before the end, and
/// in a short one in the middle.
fn fornyes_innen(periode: &Periode, innstillinger: &Innstillinger) -> Tid {
    let months = i32::from(innstillinger.fornying_maneder);
    let half = periode.fra.dager_til(periode.til) / 2;
    let before = periode.til.pluss_maneder(-months);
    before.max(periode.fra.pluss_dager(half)).slutt()
}

/// Who hears: who lets it, who allocated it, who follows the tenant.
fn mottakere(post: &Post<Leieforhold>) -> Vec<String> {
    let Leieforhold {
        tildelt_av,
        oppfolgere,
        ..
    } = &post.innhold;
    let mut units = vec![ENHET.to_owned()];
    for unit in std::iter::once(tildelt_av).chain(oppfolgere) {
        if !units.contains(unit) {
            units.push(unit.clone());
        }
    }
    units
}

fn med_personen(post: &Post<Leieforhold>) -> Vec<String> {
    let mut told = mottakere(post);
    told.push(format!("personer/{}", post.person));
    told
}

fn frist_fornying(post: &Post<Leieforhold>, now: Tid, out: &mut Virkninger) {
    let due = post.innhold.fornyes_innen;
    let warn = Some(Dag::av(due).pluss_maneder(-1).start()).filter(|warn| *warn > now);
    let units = [ENHET.to_owned(), post.innhold.tildelt_av.clone()];
    out.frist(FRIST_FORNYING, &post.emne(), due, warn, units);
}

/// A tenancy is made of a reservation.
///
/// # Errors
/// Faults of the period; of a second tenancy without a reason.
pub(crate) fn innga(
    id: String,
    holdt: &Post<Reservasjon>,
    kontrakt: Kontrakt,
    (now, av): (Tid, Aktor),
    har_andre: bool,
    innstillinger: &Innstillinger,
) -> Result<(Post<Leieforhold>, Virkninger), Refusal> {
    let mut faults = FieldFaults::new();
    let today = Dag::av(now);
    let fra = kontrakt.fra.unwrap_or(today);
    if fra < today {
        faults.form("fra", format_args!("{today} eller senere"));
    }
    if har_andre && kontrakt.flere.is_empty() {
        faults.missing("flere");
    }
    let Kontrakt {
        til, begrunnelse, ..
    } = kontrakt;
    let forste = periode(fra, til, begrunnelse, (now, av), innstillinger, &mut faults);
    faults.finish()?;
    let innhold = Leieforhold {
        tilstand: Tilstand::Lopende,
        bolig: holdt.innhold.bolig.clone(),
        reservasjon: holdt.name(),
        tildelt_av: holdt.enhet.clone(),
        fornyes_innen: fornyes_innen(&forste, innstillinger),
        forste,
        fornyet: Vec::new(),
        husleie: kontrakt.husleie,
        oppfolgere: kontrakt.oppfolgere,
        flere: kontrakt.flere,
        oppsigelse: None,
        trukne: Vec::new(),
        oppfolging_avslatt: None,
        avsluttet: None,
        slutt: String::new(),
    };
    let post = Post::ny(ENHET, holdt.person.clone(), id, innhold);
    let mut out = Virkninger::new();
    out.hendelse("LeieforholdInngatt", &post.emne(), med_personen(&post));
    out.fakta.extend(fakta(&post, innstillinger));
    frist_fornying(&post, now, &mut out);
    Ok((post, out))
}

/// It is renewed for another period.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; faults of the period.
pub(crate) fn forleng(
    mut post: Post<Leieforhold>,
    til: Option<Dag>,
    begrunnelse: String,
    (now, av): (Tid, Aktor),
    innstillinger: &Innstillinger,
) -> Result<(Post<Leieforhold>, Virkninger), Refusal> {
    krev(&post, "ForlengLeieforhold")?;
    let mut faults = FieldFaults::new();
    let fra = post.innhold.periode().til.pluss_dager(1);
    let next = periode(fra, til, begrunnelse, (now, av), innstillinger, &mut faults);
    faults.finish()?;
    post.innhold.fornyes_innen = fornyes_innen(&next, innstillinger);
    post.innhold.fornyet.push(next);
    let mut out = Virkninger::new();
    out.hendelse("LeieforholdForlenget", &post.emne(), med_personen(&post));
    frist_fornying(&post, now, &mut out);
    Ok((post, out))
}

/// What the municipality says when it ends a tenancy.
#[derive(Debug, Clone)]
pub(crate) struct Varsel {
    pub(crate) oppsigelse: Oppsigelse,
    /// The last day that was asked for.
    pub(crate) siste_dag: Option<Dag>,
    pub(crate) saker: FellesSaker,
}

/// What the joint cases of a tenancy say.
#[derive(Debug, Clone, Default)]
pub(crate) struct FellesSaker {
    /// One is open.
    pub(crate) apen: bool,
    /// The outcome of the one that was opened last, where it has one.
    pub(crate) siste: Option<Avgjort>,
    /// The outcome of the one that a notice names, where it is one of the tenancy
    /// and has one.
    pub(crate) navngitt: Option<Avgjort>,
}

impl FellesSaker {
    /// Staff end a tenancy by themselves neither while the units meet about its
    /// arrears nor as long as what they found instead of notice holds (K7).
    fn krev(&self, now: Tid, innstillinger: &Innstillinger, faults: &mut FieldFaults) {
        if self.apen {
            let told = "en felles sak om restanse er åpen; avgjør den først, eller la \
                        leietakeren selv melde flytting";
            faults.contradicts("name", "restansesak", told);
            return;
        }
        let last = self.siste.as_ref();
        let against = last.filter(|one| one.utfall != Restanseutfall::OppsigelseTillatt);
        let until = against.map(|one| gjelder_til(one, innstillinger));
        if let Some(day) = until.filter(|day| day.slutt() > now) {
            let told = format_args!(
                "den felles saken om restanse åpnet ikke for oppsigelse, og gjelder til og med \
                 {day}; la leietakeren selv melde flytting, eller si opp av en annen grunn \
                 (SiOppLeieforhold)"
            );
            faults.contradicts("name", "restansesak", told);
        }
    }
}

/// The last day that an outcome holds: by then the units have met again, or could.
fn gjelder_til(outcome: &Avgjort, innstillinger: &Innstillinger) -> Dag {
    let days = i32::from(innstillinger.restanse_utfall_dager);
    Dag::av(outcome.tid).pluss_dager(days)
}

/// The last day of the month of a day.
fn manedens_siste(day: Dag) -> Dag {
    let text = day.to_string();
    let first = text
        .get(..7)
        .and_then(|month| format!("{month}-01").parse().ok());
    first.map_or(day, |first: Dag| first.pluss_maneder(1).pluss_dager(-1))
}

/// Arrears end no tenancy before the units have met about them (K7), and no
/// other reason stands in for them while they do. A case opens for one notice:
/// where that was taken back, something was found, and the units meet anew.
fn krev_restansesak(
    trukne: &[TrukketOppsigelse],
    varsel: &Varsel,
    now: Tid,
    innstillinger: &Innstillinger,
    faults: &mut FieldFaults,
) {
    if varsel.saker.apen {
        faults.contradicts(
            "grunn",
            "restansesak",
            "en felles sak om restanse er åpen; avgjør den først",
        );
    }
    let Oppsigelse {
        grunn, restansesak, ..
    } = &varsel.oppsigelse;
    if *grunn != Oppsigelsesgrunn::Restanse {
        return;
    }
    if restansesak.is_empty() {
        faults.missing("restansesak");
        return;
    }
    let mut taken_back = trukne.iter().map(|one| &one.oppsigelse.restansesak);
    if taken_back.any(|used| used == restansesak) {
        let told = "oppsigelsen som saken åpnet for, er trukket; registrer restansen på nytt \
                    (RegistrerRestanse)";
        faults.contradicts("restansesak", "trukne_oppsigelser", told);
        return;
    }
    let allowed = varsel.saker.navngitt.as_ref().is_some_and(|outcome| {
        outcome.utfall == Restanseutfall::OppsigelseTillatt
            && gjelder_til(outcome, innstillinger).slutt() > now
    });
    if !allowed {
        faults.contradicts(
            "restansesak",
            "grunn",
            "den felles saken om dette leieforholdet har ikke de siste månedene åpnet for oppsigelse",
        );
    }
}

/// The municipality ends it, or does not renew it.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; faults of the reason, of the day, and of a joint case
/// that was not held.
pub(crate) fn si_opp(
    post: Post<Leieforhold>,
    varsel: Varsel,
    now: Tid,
    innstillinger: &Innstillinger,
) -> Result<(Post<Leieforhold>, Virkninger), Refusal> {
    krev(&post, "SiOppLeieforhold")?;
    let mut faults = FieldFaults::new();
    krev_restansesak(
        &post.innhold.trukne,
        &varsel,
        now,
        innstillinger,
        &mut faults,
    );
    let mut notice = varsel.oppsigelse;
    let today = Dag::av(now);
    let months = i32::from(innstillinger.oppsigelse_maneder);
    let notified = today.pluss_maneder(months);
    let first = match notice.grunn {
        Oppsigelsesgrunn::Leietaker => {
            faults.form(
                "grunn",
                "en grunn som er kommunens; leietaker bruker MeldFlytting",
            );
            today
        }
        Oppsigelsesgrunn::IkkeFornyet => {
            if notice.alternativ.is_empty() {
                faults.missing("alternativ");
            }
            notified.max(post.innhold.periode().til)
        }
        _ => manedens_siste(notified),
    };
    notice.siste_dag = varsel.siste_dag.unwrap_or(first);
    if notice.siste_dag < first {
        faults.form("siste_dag", format_args!("{first} eller senere"));
    }
    faults.finish()?;
    let protest = today.pluss_maneder(i32::from(innstillinger.protest_maneder));
    notice.protestfrist = Some(protest);
    Ok(oppsagt(post, notice))
}

fn oppsagt(mut post: Post<Leieforhold>, notice: Oppsigelse) -> (Post<Leieforhold>, Virkninger) {
    post.innhold.tilstand = Tilstand::Oppsagt;
    post.innhold.oppsigelse = Some(notice);
    let mut out = Virkninger::new();
    out.hendelse("LeieforholdOppsagt", &post.emne(), med_personen(&post));
    out.slett_frist(FRIST_FORNYING, &post.name());
    let due = post.innhold.siste_dag().slutt();
    let units = [ENHET.to_owned(), post.innhold.tildelt_av.clone()];
    out.frist(FRIST_FRAFLYTTING, &post.emne(), due, None, units);
    (post, out)
}

/// A notice is taken back, and the tenancy goes on. The tenant's own only where
/// the tenant wants that.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; faults where the last day is over, and where the tenant
/// who gave notice has not said so.
pub(crate) fn trekk_oppsigelse(
    mut post: Post<Leieforhold>,
    (begrunnelse, onske): (String, String),
    (now, av): (Tid, Aktor),
) -> Result<(Post<Leieforhold>, Virkninger), Refusal> {
    krev(&post, "TrekkOppsigelse")?;
    let last = post.innhold.siste_dag();
    let mut faults = FieldFaults::new();
    if last < Dag::av(now) {
        let told = format_args!("{last} er over; avslutt leieforholdet (AvsluttLeieforhold)");
        faults.contradicts("name", "oppsigelse.siste_dag", told);
    }
    let notice = post.innhold.oppsigelse.take();
    let own = |notice: &Oppsigelse| notice.grunn == Oppsigelsesgrunn::Leietaker;
    if notice.as_ref().is_some_and(own) && onske.is_empty() {
        faults.missing("onske");
    }
    faults.finish()?;
    post.innhold.tilstand = Tilstand::Lopende;
    post.innhold
        .trukne
        .extend(notice.map(|oppsigelse| TrukketOppsigelse {
            oppsigelse,
            tid: now,
            av,
            begrunnelse,
            onske,
        }));
    let mut out = Virkninger::new();
    out.hendelse("OppsigelseTrukket", &post.emne(), med_personen(&post));
    out.slett_frist(FRIST_FRAFLYTTING, &post.name());
    frist_fornying(&post, now, &mut out);
    Ok((post, out))
}

/// The tenant ends it; staff say how the tenant said it.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; faults of the day, and where it is not the tenant who says
/// so: without the tenant's words, or against a joint case.
pub(crate) fn meld_flytting(
    post: Post<Leieforhold>,
    notice: Oppsigelse,
    saker: &FellesSaker,
    now: Tid,
    innstillinger: &Innstillinger,
) -> Result<(Post<Leieforhold>, Virkninger), Refusal> {
    krev(&post, "MeldFlytting")?;
    let today = Dag::av(now);
    let mut faults = FieldFaults::new();
    if notice.siste_dag < today {
        faults.form("siste_dag", format_args!("{today} eller senere"));
    }
    if !notice.egen() {
        if notice.onske.is_empty() {
            faults.missing("onske");
        }
        saker.krev(now, innstillinger, &mut faults);
    }
    faults.finish()?;
    Ok(oppsagt(post, notice))
}

/// The tenant has moved out. Without a notice it is no way round the joint case
/// about arrears: against that, only a notice of the tenant's own or of the
/// municipality ends it.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; a fault where neither a notice nor the request says why,
/// and against a joint case where neither gave notice.
pub(crate) fn avslutt(
    mut post: Post<Leieforhold>,
    begrunnelse: String,
    saker: &FellesSaker,
    now: Tid,
    innstillinger: &Innstillinger,
) -> Result<(Post<Leieforhold>, Virkninger), Refusal> {
    krev(&post, "AvsluttLeieforhold")?;
    let mut faults = FieldFaults::new();
    if post.innhold.tilstand == Tilstand::Lopende && begrunnelse.is_empty() {
        faults.missing("begrunnelse");
    }
    // What staff said of the tenant before the case ends it no more.
    let said_by_office = |notice: &Oppsigelse| notice.grunn != Oppsigelsesgrunn::Leietaker;
    let noticed = post.innhold.oppsigelse.as_ref();
    let by_notice = noticed.is_some_and(|it| it.egen() || said_by_office(it));
    if !by_notice {
        saker.krev(now, innstillinger, &mut faults);
    }
    faults.finish()?;
    post.innhold.tilstand = Tilstand::Avsluttet;
    post.innhold.avsluttet = Some(now);
    post.innhold.slutt = begrunnelse;
    let mut out = Virkninger::new();
    out.hendelse("LeieforholdAvsluttet", &post.emne(), med_personen(&post));
    out.fakta.extend(fakta(&post, innstillinger));
    out.slett_frist(FRIST_FORNYING, &post.name());
    out.slett_frist(FRIST_FRAFLYTTING, &post.name());
    Ok((post, out))
}

/// The tenant wants no follow-up. Nothing else changes (N4).
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn meld_oppfolging_avslatt(
    mut post: Post<Leieforhold>,
    beskrivelse: String,
    (now, av): (Tid, Aktor),
) -> Result<(Post<Leieforhold>, Virkninger), Refusal> {
    krev(&post, "MeldOppfolgingAvslatt")?;
    post.innhold.oppfolging_avslatt = Some((now, av, beskrivelse));
    let mut out = Virkninger::new();
    out.hendelse("OppfolgingAvslatt", &post.emne(), mottakere(&post));
    Ok((post, out))
}
