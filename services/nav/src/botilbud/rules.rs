//! What may happen to a request for a bed.

use std::time::Duration;

use samspor_chassis::{
    deadlines::AVVIK,
    domene::{Aktor, Emne, Overganger, Virkninger, felt},
    error::{FieldFaults, Refusal},
    lager::Post,
    tid::Tid,
};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    nav::{IkkeKlartGrunn, MeldBehovRequest},
};

use super::{
    Botilbud, FRIST_NATT, FRIST_SAMME_DAG, IkkeKlart, Innvilgelse, Melding, Tilstand, Utfall,
    klokke,
};
use crate::{BOLIGKONTOR, innstillinger::Innstillinger};

/// Which verb is allowed in which state.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("InnvilgBotilbud", &[Tilstand::Mottatt, Tilstand::IkkeKlart]),
    ("AvslaBotilbud", &[Tilstand::Mottatt, Tilstand::IkkeKlart]),
    ("MeldIkkeKlart", &[Tilstand::Mottatt, Tilstand::IkkeKlart]),
    (
        "BortfallBotilbud",
        &[Tilstand::Mottatt, Tilstand::IkkeKlart],
    ),
]);

pub(crate) fn krev(post: &Post<Botilbud>, verb: &str) -> Result<(), Refusal> {
    let state = post.innhold.tilstand;
    OVERGANGER.krev(verb, state, state.kode())
}

/// Reads what somebody says.
pub(crate) fn les(
    request: &MeldBehovRequest,
    av: Aktor,
    fra_personen: bool,
    now: Tid,
    innstillinger: &Innstillinger,
    faults: &mut FieldFaults,
) -> Melding {
    let came = felt::tidspunkt(request.mottatt, "mottatt", faults).unwrap_or(now);
    let hours = innstillinger.etterregistrering_timer;
    let oldest = now.minus(Duration::from_hours(hours.into()));
    if came > now || came < oldest {
        let form = format_args!("et tidspunkt de siste {hours} timene, ikke i framtiden");
        faults.form("mottatt", form);
    }
    Melding {
        mottatt: came.min(now),
        registrert: now,
        kanal: felt::valg(request.kanal, "kanal", "samspor.nav.v1.Meldekanal", faults),
        arsak: felt::valg(request.arsak, "arsak", "samspor.nav.v1.Behovsarsak", faults),
        eget_onske: felt::pakrevd(&request.eget_onske, "eget_onske", felt::LANG, faults),
        kontaktes: felt::tekst(&request.kontaktes, "kontaktes", felt::KORT, faults),
        av,
        fra_personen,
    }
}

/// Somebody asks for a bed.
pub(crate) fn meld(
    person: String,
    id: String,
    enhet: &str,
    melding: Melding,
    innstillinger: &Innstillinger,
) -> (Post<Botilbud>, Virkninger) {
    let came = melding.mottatt;
    let frist = klokke::samme_dag(came, innstillinger);
    let nattfrist = klokke::neste_natt(came, came, innstillinger);
    let post = Post::ny(
        enhet,
        person,
        id,
        Botilbud {
            tilstand: Tilstand::Mottatt,
            melding,
            igjen: Vec::new(),
            frist,
            nattfrist,
            ikke_klart: Vec::new(),
            utfall: None,
            innvilget: None,
        },
    );
    let mut out = Virkninger::new();
    let owner = [post.enhet.clone()];
    out.hendelse("BehovMeldt", &post.emne(), owner.clone());
    let half = Duration::from_micros(u64::try_from((frist.0 - came.0) / 2).unwrap_or_default());
    let warn = Some(frist.minus(half));
    out.frist(FRIST_SAMME_DAG, &post.emne(), frist, warn, owner);
    // The first night counts from when it came, also where that has passed.
    frist_natt(FRIST_NATT, &post.emne(), nattfrist, innstillinger, &mut out);
    (post, out)
}

/// The clock before a night, of that kind.
pub(crate) fn frist_natt(
    kind: &'static str,
    emne: &Emne,
    due: Tid,
    innstillinger: &Innstillinger,
    out: &mut Virkninger,
) {
    let warn = due.minus(Duration::from_mins(
        (2 * innstillinger.minst_minutter).into(),
    ));
    out.frist(kind, emne, due, Some(warn), [emne.eier.clone()]);
}

/// Somebody asks again while it waits.
pub(crate) fn meld_igjen(
    mut post: Post<Botilbud>,
    melding: Melding,
) -> (Post<Botilbud>, Virkninger) {
    post.innhold.igjen.push(melding);
    let mut out = Virkninger::new();
    out.hendelse("BehovMeldtIgjen", &post.emne(), [post.enhet.clone()]);
    (post, out)
}

/// What a decision is taken with.
pub(crate) struct Avgjorelse<'a> {
    pub(crate) utfall: Utfall,
    /// Functions of the unit.
    pub(crate) funksjoner: &'a [String],
    pub(crate) innstillinger: &'a Innstillinger,
}

impl Avgjorelse<'_> {
    /// An employee decides, and not the one who registered; on duty alone, what
    /// the unit lets the one on duty decide.
    ///
    /// # Errors
    /// `IKKE_TILLATT` that says who may.
    fn krev_en_annen(mut self, first: &Melding, to: Tilstand) -> Result<Utfall, Refusal> {
        let Utfall { tid, ref av, .. } = self.utfall;
        let own = av.er_samme_ansatte(&first.av);
        let by_file = self.funksjoner.iter().any(|held| held == "fatter_alene");
        let on_duty = !klokke::i_kontortid(tid, self.innstillinger)
            && self.innstillinger.alene_utenfor_kontortid.contains(&to);
        if av.ansatt.is_empty() || (own && !by_file && !on_duty) {
            return Err(Refusal::new(Feilgrunn::IkkeTillatt)
                .with("regel", "W4")
                .with(
                    "rad",
                    "En annen ansatt enn den som registrerte, avgjør det; vakten alene bare det \
                     innstillingene sier.",
                ));
        }
        self.utfall.alene = own;
        Ok(self.utfall)
    }
}

/// It has its outcome: nobody waits any more.
fn avslutt(
    post: &mut Post<Botilbud>,
    to: Tilstand,
    utfall: Utfall,
    event: &'static str,
) -> Virkninger {
    post.innhold.tilstand = to;
    post.innhold.utfall = Some(utfall);
    let mut out = Virkninger::new();
    let mut told = vec![post.enhet.as_str()];
    // Who was told that there was no bed is told that nobody waits for it.
    if !post.innhold.ikke_klart.is_empty() {
        told.push(BOLIGKONTOR);
    }
    out.hendelse(event, &post.emne(), told);
    out.slett_frist(FRIST_SAMME_DAG, &post.name());
    out.slett_frist(FRIST_NATT, &post.name());
    out
}

/// There is a bed, or money in lieu of one.
///
/// # Errors
/// `UGYLDIG_OVERGANG`, `IKKE_TILLATT`.
pub(crate) fn innvilg(
    mut post: Post<Botilbud>,
    granted: Innvilgelse,
    avgjorelse: Avgjorelse<'_>,
) -> Result<(Post<Botilbud>, Virkninger), Refusal> {
    krev(&post, "InnvilgBotilbud")?;
    let said = avgjorelse.krev_en_annen(&post.innhold.melding, Tilstand::Innvilget)?;
    post.innhold.innvilget = Some(granted);
    let out = avslutt(&mut post, Tilstand::Innvilget, said, "BotilbudInnvilget");
    Ok((post, out))
}

/// There is no right to a bed tonight.
///
/// # Errors
/// `UGYLDIG_OVERGANG`, `IKKE_TILLATT`.
pub(crate) fn avsla(
    mut post: Post<Botilbud>,
    avgjorelse: Avgjorelse<'_>,
) -> Result<(Post<Botilbud>, Virkninger), Refusal> {
    krev(&post, "AvslaBotilbud")?;
    let said = avgjorelse.krev_en_annen(&post.innhold.melding, Tilstand::Avslatt)?;
    let out = avslutt(&mut post, Tilstand::Avslatt, said, "BotilbudAvslatt");
    Ok((post, out))
}

/// There is a right, and no bed was found: it waits for the next night.
///
/// # Errors
/// `UGYLDIG_OVERGANG`, `IKKE_TILLATT`.
pub(crate) fn ikke_klart(
    mut post: Post<Botilbud>,
    grunn: IkkeKlartGrunn,
    avgjorelse: Avgjorelse<'_>,
) -> Result<(Post<Botilbud>, Virkninger), Refusal> {
    krev(&post, "MeldIkkeKlart")?;
    let said = avgjorelse.krev_en_annen(&post.innhold.melding, Tilstand::IkkeKlart)?;
    let fra = said.tid;
    post.innhold.ikke_klart.push(IkkeKlart { fra, grunn });
    post.innhold.tilstand = Tilstand::IkkeKlart;
    post.innhold.utfall = Some(said);
    let mut out = Virkninger::new();
    let told = [post.enhet.as_str(), BOLIGKONTOR, AVVIK];
    out.hendelse("BotilbudIkkeKlart", &post.emne(), told);
    // The answer is given; the bed is not.
    out.slett_frist(FRIST_SAMME_DAG, &post.name());
    Ok((post, out))
}

/// The person needs none any more.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn bortfall(
    mut post: Post<Botilbud>,
    av: Aktor,
    begrunnelse: String,
    now: Tid,
) -> Result<(Post<Botilbud>, Virkninger), Refusal> {
    krev(&post, "BortfallBotilbud")?;
    let said = Utfall {
        tid: now,
        alene: av.rolle != Rolle::Innbygger && av.er_samme_ansatte(&post.innhold.melding.av),
        av,
        begrunnelse,
        hjemmel: None,
    };
    let out = avslutt(&mut post, Tilstand::Bortfalt, said, "BotilbudBortfalt");
    Ok((post, out))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use samspor_proto::nav::{Behovsarsak, Meldekanal};

    use super::*;
    use crate::innstillinger::innstillinger;

    /// Monday 2026-11-23, 10:00 and 21:00 in Norway.
    const DAY: &str = "2026-11-23T09:00:00Z";
    const EVENING: &str = "2026-11-23T20:00:00Z";

    fn who(ansatt: &str) -> Aktor {
        Aktor {
            enhet: "nav".into(),
            ansatt: ansatt.into(),
            rolle: Rolle::Beslutter,
        }
    }

    fn asked(at: &str) -> Post<Botilbud> {
        let request = MeldBehovRequest {
            kanal: Meldekanal::Oppmote.into(),
            arsak: Behovsarsak::Brudd.into(),
            eget_onske: "Et sted å sove".into(),
            ..Default::default()
        };
        let mut faults = FieldFaults::new();
        let (now, settings) = (at.parse().unwrap(), innstillinger().unwrap());
        let told = les(&request, who("n1"), false, now, settings, &mut faults);
        assert!(faults.is_empty());
        meld("p".into(), "b".into(), "nav", told, settings).0
    }

    /// Who decides, when, by which file, and what may be decided so.
    ///
    /// Seen red: with the one on duty for any outcome.
    #[test]
    fn one_alone_decides_only_what_the_settings_say() {
        for (ansatt, at, alone_by_file, refused) in [
            ("n2", DAY, false, &[][..]),
            ("n1", DAY, false, &["innvilg", "avsla", "ikke_klart"]),
            ("n1", DAY, true, &[]),
            ("n1", EVENING, false, &["avsla"]),
            ("", DAY, true, &["innvilg", "avsla", "ikke_klart"]),
        ] {
            let functions: Vec<String> = alone_by_file
                .then(|| "fatter_alene".to_owned())
                .into_iter()
                .collect();
            let with = || Avgjorelse {
                utfall: Utfall {
                    tid: at.parse().unwrap(),
                    av: who(ansatt),
                    alene: false,
                    begrunnelse: "Ingen steder å sove".into(),
                    hjemmel: None,
                },
                funksjoner: &functions,
                innstillinger: innstillinger().unwrap(),
            };
            let granted = Innvilgelse {
                plass: "enheter/nav/plasser/x".into(),
                kvalitet_begrunnelse: String::new(),
                kontanter: false,
                belop_ore: 0,
                til: "2026-11-30".parse().unwrap(),
                opphold: String::new(),
            };
            let reason = IkkeKlartGrunn::IngenLedig;
            let mut found = Vec::new();
            for (name, result) in [
                ("innvilg", innvilg(asked(at), granted, with())),
                ("avsla", avsla(asked(at), with())),
                ("ikke_klart", ikke_klart(asked(at), reason, with())),
            ] {
                match result {
                    Ok((post, _)) => {
                        assert_eq!(post.innhold.utfall.unwrap().alene, ansatt == "n1", "{name}");
                    }
                    Err(refusal) => {
                        assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
                        found.push(name);
                    }
                }
            }
            assert_eq!(found, refused, "{ansatt} {at} {alone_by_file}");
        }
    }

    /// When it is said to have come, and whether that is believed.
    #[test]
    fn what_came_on_duty_is_registered_for_some_days() {
        let settings = innstillinger().unwrap();
        let now: Tid = DAY.parse().unwrap();
        for (came, sound) in [
            (now.minus(Duration::from_hours(144)), true),
            (now.minus(Duration::from_hours(145)), false),
            (now, true),
            (now.plus(Duration::from_secs(1)), false),
        ] {
            let request = MeldBehovRequest {
                kanal: Meldekanal::Vakttelefon.into(),
                arsak: Behovsarsak::Annet.into(),
                eget_onske: "Tak over hodet".into(),
                mottatt: Some(came.into()),
                ..Default::default()
            };
            let mut faults = FieldFaults::new();
            les(&request, who("n1"), false, now, settings, &mut faults);
            assert_eq!(faults.is_empty(), sound, "{came}");
        }
    }
}
