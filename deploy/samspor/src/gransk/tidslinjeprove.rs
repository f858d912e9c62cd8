//! What a timeline makes of answers, as tables.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use samspor_proto::{klassifisering::Klasser, tilgang::Dataklasse};

use super::{grunnlag::*, tidslinje::*};
use samspor_chassis::tid::Tid;

pub(super) const FATT: &str = "/samspor.bestillerkontor.v1.VedtakService/FattVedtak";
pub(super) const LES: &str = "/samspor.bestillerkontor.v1.VedtakService/HentVedtak";
const AKSEPTER: &str = "/samspor.bestillerkontor.v1.OppdragService/AksepterOppdrag";
const P: &str = "personer/p";

/// Seconds after the beginning of 4 January 2027, nine o'clock in Norway.
pub(super) fn kl(seconds: i64) -> Tid {
    Tid(1_799_049_600_000_000 + seconds * 1_000_000)
}

fn trace(number: u8) -> String {
    format!("{number:032x}")
}

pub(super) fn hendelse(
    kilde: &str,
    id: u8,
    type_: &str,
    post: &str,
    at: i64,
    spor: u8,
) -> Hendelse {
    Hendelse {
        kilde: kilde.to_owned(),
        navn: format!("{P}/hendelser/{kilde}-{id}"),
        type_: type_.to_owned(),
        post: format!("{P}/{post}"),
        tid: kl(at),
        sporings_id: trace(spor),
        eier: kilde.to_owned(),
        mottakere: vec!["nav".to_owned()],
    }
}

pub(super) fn rad(indeks: i64, metode: &str, enhet: &str, at: i64, spor: u8) -> Innsyn {
    Innsyn {
        indeks,
        person: P.to_owned(),
        tid: kl(at),
        aktor: Aktor {
            enhet: enhet.to_owned(),
            ansatt: format!("{enhet}-1"),
            rolle: "BESLUTTER".to_owned(),
        },
        formal: "SAKSBEHANDLING".to_owned(),
        metode: metode.to_owned(),
        poster: vec!["vedtak/v".to_owned()],
        regler: vec!["W4".to_owned()],
        regelversjon: "2026-10".to_owned(),
        sporings_id: trace(spor),
        ..Innsyn::default()
    }
}

fn utfall(of: Innsyn) -> Innsyn {
    Innsyn { utfall: true, ..of }
}

pub(super) fn frist(id: u8, type_: &str, post: &str, (satt, forfall): (i64, i64)) -> Frist {
    Frist {
        kilde: "bestillerkontor".to_owned(),
        navn: format!("{P}/frister/{id}"),
        type_: type_.to_owned(),
        post: format!("{P}/{post}"),
        satt: kl(satt),
        forfall: kl(forfall),
        eier: "bestillerkontor".to_owned(),
        mottakere: vec!["rop".to_owned()],
        sporings_id: trace(1),
        ..Frist::default()
    }
}

/// A decision that ROP is offered, accepts too late, and Nav reads; the first
/// attempt of Nav was refused.
pub(super) fn grunnlag() -> Grunnlag {
    let nav = Innsyn {
        poster: vec!["vedtak/v".to_owned()],
        utlevert: Klasser::av(&[Dataklasse::Tjeneste]),
        skjermet: Klasser::av(&[Dataklasse::Helse]),
        regler: vec!["P4".to_owned()],
        ..rad(15, LES, "nav", 400, 3)
    };
    let refused = Innsyn {
        avslatt: true,
        regler: vec!["P1".to_owned()],
        ..rad(14, LES, "nav", 300, 2)
    };
    let mut oppdrag = frist(1, "svar", "oppdrag/o", (10, 100));
    oppdrag.brutt = Some(kl(101));
    oppdrag.avsluttet = Some(kl(500));
    let mut underretning = frist(2, "underretning", "vedtak/v", (10, 9_000));
    underretning.varslet = Some(kl(350));
    Grunnlag {
        mandat: Mandat {
            navn: "granskinger/g".to_owned(),
            personer: vec![P.to_owned()],
            fra: kl(0),
            til: kl(1_000),
            ..Mandat::default()
        },
        fra: kl(0),
        til: kl(1_000),
        lest_til: kl(1_030),
        hendelser: vec![
            hendelse("bestillerkontor", 1, "VedtakFattet", "vedtak/v", 10, 1),
            hendelse("bestillerkontor", 2, "OppdragTilbudt", "oppdrag/o", 10, 1),
            hendelse("rop", 1, "OppgaveOpprettet", "oppgaver/r", 11, 1),
            hendelse("bestillerkontor", 3, "FristBrutt", "oppdrag/o", 101, 1),
            hendelse(
                "bestillerkontor",
                4,
                "OppdragAkseptert",
                "oppdrag/o",
                500,
                4,
            ),
        ],
        frister: vec![oppdrag, underretning],
        innsyn: vec![
            rad(10, FATT, "bestillerkontor", 9, 1),
            utfall(rad(11, FATT, "bestillerkontor", 12, 1)),
            refused,
            nav,
            rad(20, AKSEPTER, "rop", 499, 4),
            utfall(rad(21, AKSEPTER, "rop", 501, 4)),
        ],
        ..Grunnlag::default()
    }
}

/// Seconds, lane, kind, words, who (marked `~` where the trace only began
/// there), rules.
fn linjer(line: &Tidslinje) -> Vec<String> {
    let of = |entry: &Innslag| {
        let at = (entry.tid.0 - kl(0).0) / 1_000_000;
        let who = entry
            .hvem
            .as_ref()
            .map_or_else(String::new, |who| match entry.direkte {
                true => who.ansatt.clone(),
                false => format!("~{}", who.ansatt),
            });
        format!(
            "{at} {} | {} | {} | {who} | {} {}",
            entry.bane,
            entry.slag.navn(),
            entry.tekst,
            entry.regler.join(","),
            entry.regelversjon
        )
        .trim_end()
        .to_owned()
    };
    line.innslag.iter().map(of).collect()
}

/// Seen red: with the ticker's events taken for the caller's, and with an event
/// of another service taken for the call's own.
#[test]
fn each_entry_says_who_by_which_rules() {
    let line = Tidslinje::av(grunnlag());
    assert_eq!(
        linjer(&line),
        [
            "10 bestillerkontor | beslutning | Vedtak fattet | bestillerkontor-1 | W4 2026-10",
            "10 bestillerkontor | overlevering | Oppdrag tilbudt | bestillerkontor-1 | W4 2026-10",
            "11 rop | overlevering | Oppgave opprettet | ~bestillerkontor-1 |",
            "101 bestillerkontor | frist brutt | Frist brutt: svar | ~bestillerkontor-1 |",
            "300 nav | avslag | Avslått: hent vedtak | nav-1 | P1 2026-10",
            "350 bestillerkontor | frist nær | Frist nær: underretning |  |",
            "400 nav | innsyn | Leste vedtak | nav-1 | P4 2026-10",
            "500 rop | overlevering | Oppdrag akseptert | rop-1 | W4 2026-10",
        ]
    );
    assert_eq!(line.baner, ["bestillerkontor", "rop", "nav"]);
    let read = &line.innslag[6];
    assert_eq!(read.skjermet, Klasser::av(&[Dataklasse::Helse]));
    assert_eq!(line.innslag[0].fortalt, ["nav"]);
}

#[test]
fn what_was_open_at_a_moment() {
    let line = Tidslinje::av(grunnlag());
    let open = |at: i64| {
        let open: Vec<_> = line
            .apne(kl(at))
            .map(|run| format!("{} {}", run.id, run.tekst))
            .collect();
        open.join("; ")
    };
    for (at, expected) in [
        (9, ""),
        (10, "O1 Oppdrag venter på svar; F1 Svar; F2 Underretning"),
        (
            11,
            "O1 Oppdrag venter på svar; O2 Oppgave venter på kvittering; F1 Svar; F2 Underretning",
        ),
        (
            499,
            "O1 Oppdrag venter på svar; O2 Oppgave venter på kvittering; F1 Svar; F2 Underretning",
        ),
        // What answers it has ended it.
        (500, "O2 Oppgave venter på kvittering; F2 Underretning"),
        (999_999, "O2 Oppgave venter på kvittering; F2 Underretning"),
    ] {
        assert_eq!(open(at), expected, "{at}");
    }
    let svar = line.lop.iter().find(|run| run.id == "F1").unwrap();
    assert_eq!((svar.forfall, svar.brutt), (Some(kl(100)), Some(kl(101))));
}

/// Seen red: sorted by time alone.
#[test]
fn the_order_of_the_answers_is_none_of_the_timeline() {
    let line = Tidslinje::av(grunnlag());
    for turn in 0..6 {
        let mut other = grunnlag();
        for _ in 0..turn {
            other.hendelser.rotate_left(1);
            other.innsyn.rotate_left(1);
            other.frister.rotate_left(1);
        }
        if turn % 2 == 1 {
            other.hendelser.reverse();
            other.innsyn.reverse();
        }
        // A page that came twice.
        other
            .hendelser
            .extend(grunnlag().hendelser.into_iter().take(2));
        other.innsyn.extend(grunnlag().innsyn.into_iter().take(2));
        assert_eq!(Tidslinje::av(other), line);
    }
}

/// A service that does not answer takes nothing but its own from the timeline:
/// the call shows as a change, by the log.
#[test]
fn without_a_service_the_log_still_tells_of_the_call() {
    let mut rest = grunnlag();
    rest.hendelser
        .retain(|event| event.kilde != "bestillerkontor");
    rest.frister.clear();
    let line = Tidslinje::av(rest);
    assert_eq!(
        linjer(&line),
        [
            "9 bestillerkontor | endring | Fatt vedtak | bestillerkontor-1 | W4 2026-10",
            "11 rop | overlevering | Oppgave opprettet | ~bestillerkontor-1 |",
            "300 nav | avslag | Avslått: hent vedtak | nav-1 | P1 2026-10",
            "400 nav | innsyn | Leste vedtak | nav-1 | P4 2026-10",
            "499 rop | endring | Aksepter oppdrag | rop-1 | W4 2026-10",
        ]
    );
}

#[test]
fn a_broken_deadline_without_its_event_is_told_by_its_run() {
    let mut rest = grunnlag();
    rest.hendelser.retain(|event| event.type_ != "FristBrutt");
    let told = linjer(&Tidslinje::av(rest));
    let line = "101 bestillerkontor | frist brutt | Frist brutt: svar |  |";
    assert!(told.contains(&line.to_owned()), "{told:?}");
}

#[test]
fn rows_of_one_call_are_one_entry() {
    let about = |person: &str, row: Innsyn| Innsyn {
        person: person.to_owned(),
        ..row
    };
    let refused = Innsyn {
        avslatt: true,
        utfall: true,
        ..rad(2, FATT, "bestillerkontor", 2, 1)
    };
    let cases: [(&str, Vec<Innsyn>, &[&str]); 9] = [
        (
            "an intent alone",
            vec![rad(1, FATT, "bestillerkontor", 1, 1)],
            &["endring: utfallet er ikke logget"],
        ),
        (
            "refused by its owner",
            vec![rad(1, FATT, "bestillerkontor", 1, 1), refused],
            &["avslag: "],
        ),
        (
            "who was found by the call",
            vec![utfall(rad(1, FATT, "bestillerkontor", 1, 1))],
            &["endring: "],
        ),
        (
            "about two",
            vec![
                about("personer/b", rad(1, FATT, "bestillerkontor", 1, 1)),
                about("personer/a", utfall(rad(2, FATT, "bestillerkontor", 2, 1))),
                about("personer/b", utfall(rad(3, FATT, "bestillerkontor", 2, 1))),
            ],
            &["endring: "],
        ),
        (
            "about two, and between them one whom the mandate does not name",
            vec![
                about("personer/b", rad(1, LES, "nav", 1, 1)),
                about("personer/a", rad(3, LES, "nav", 1, 1)),
            ],
            &["innsyn: "],
        ),
        (
            "two in a row, each about another",
            vec![
                about("personer/b", rad(1, LES, "nav", 1, 1)),
                about("personer/a", rad(2, LES, "nav", 2, 1)),
            ],
            &["innsyn: ", "innsyn: "],
        ),
        (
            "an intent just before the end of what was read",
            vec![rad(1, FATT, "bestillerkontor", 80, 1)],
            &["endring: utfallet er ikke logget før perioden sluttet"],
        ),
        (
            "two reads in one trace",
            vec![rad(1, LES, "nav", 1, 1), rad(2, LES, "nav", 2, 1)],
            &["innsyn: ", "innsyn: "],
        ),
        (
            "without a trace",
            vec![
                Innsyn {
                    sporings_id: String::new(),
                    ..rad(1, FATT, "nav", 1, 1)
                },
                Innsyn {
                    sporings_id: String::new(),
                    ..rad(2, FATT, "nav", 2, 1)
                },
            ],
            &[
                "endring: utfallet er ikke logget",
                "endring: utfallet er ikke logget",
            ],
        ),
    ];
    for (name, innsyn, expected) in cases {
        let line = Tidslinje::av(Grunnlag {
            fra: kl(0),
            til: kl(100),
            lest_til: kl(100),
            innsyn,
            ..Grunnlag::default()
        });
        let told: Vec<_> = line
            .innslag
            .iter()
            .map(|entry| format!("{}: {}", entry.slag.navn(), entry.merknader.join(", ")))
            .collect();
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn the_review_does_not_review_itself() {
    let own = Innsyn {
        sak: "granskinger/g".to_owned(),
        ..rad(30, LES, "radhuset", 600, 9)
    };
    let mut with = grunnlag();
    with.innsyn.push(own.clone());
    assert_eq!(Tidslinje::av(with), Tidslinje::av(grunnlag()));
    // Another review is part of what happened.
    let mut with = grunnlag();
    with.innsyn.push(Innsyn {
        sak: "granskinger/h".to_owned(),
        ..own
    });
    assert_eq!(
        Tidslinje::av(with).innslag.len(),
        Tidslinje::av(grunnlag()).innslag.len() + 1
    );
}

#[test]
fn only_the_period_and_only_the_trace() {
    let mut short = grunnlag();
    (short.fra, short.til) = (kl(11), kl(400));
    let line = Tidslinje::av(short);
    let at: Vec<_> = line
        .innslag
        .iter()
        .map(|entry| (entry.tid.0 - kl(0).0) / 1_000_000)
        .collect();
    assert_eq!(at, [11, 101, 300, 350]);
    // What was set before runs on into it.
    assert_eq!(line.apne(kl(11)).filter(|run| run.frist).count(), 2);

    let one = Tidslinje::av(grunnlag()).av_spor(&trace(4));
    assert_eq!(linjer(&one).len(), 1);
    // The second did nothing in it, and had something open.
    assert_eq!(one.baner, ["rop", "bestillerkontor"]);
    assert_eq!(
        Tidslinje::av(grunnlag()).sporings_ider(),
        [1, 2, 3, 4].map(trace)
    );
}

/// Whoever looks at a part sees what the whole shows of it: who began what the
/// part ends, and what was open from before.
///
/// Seen red: with calls of the part alone.
#[test]
fn a_part_tells_what_the_whole_tells() {
    let whole = Tidslinje::av(grunnlag());
    for (fra, til) in [(0, 1_000), (11, 102), (101, 102), (300, 499), (500, 1_000)] {
        let mut of = grunnlag();
        (of.fra, of.til) = (kl(fra), kl(til));
        let part = Tidslinje::av(of);
        let within = |entry: &&Innslag| (kl(fra)..kl(til)).contains(&entry.tid);
        let expected: Vec<_> = whole.innslag.iter().filter(within).cloned().collect();
        assert_eq!(part.innslag, expected, "{fra} to {til}");
        for at in [fra, i64::midpoint(fra, til), til - 1] {
            let open = |line: &Tidslinje| -> Vec<String> {
                line.apne(kl(at))
                    .map(|run| format!("{} {}", run.tekst, run.post))
                    .collect()
            };
            assert_eq!(open(&part), open(&whole), "{at} of {fra} to {til}");
        }
    }
}

/// What became of a deadline after the period is not of it.
///
/// Seen red: with the run as the service keeps it.
#[test]
fn what_came_after_the_period_is_not_told() {
    let mut of = grunnlag();
    of.til = kl(101);
    let line = Tidslinje::av(of);
    let answer = line.lop.iter().find(|run| run.tekst == "Svar").unwrap();
    assert_eq!((answer.brutt, answer.til), (None, None));
    assert_eq!(answer.forfall, Some(kl(100)));
    let offer = line.lop.iter().find(|run| !run.frist).unwrap();
    assert_eq!((offer.fra, offer.til), (kl(10), None));
}

/// Two writes of one trace, close to each other: an event is that of the call
/// that was under way.
///
/// Seen red: with the latest call that can be it.
#[test]
fn two_writes_of_one_trace_keep_their_own() {
    let mut of = grunnlag();
    of.hendelser.push(hendelse(
        "bestillerkontor",
        7,
        "SoknadKlar",
        "soknader/s",
        601,
        7,
    ));
    of.innsyn.extend([
        rad(30, FATT, "bom", 600, 7),
        utfall(rad(31, FATT, "bom", 602, 7)),
        rad(32, FATT, "nav", 603, 7),
        utfall(rad(33, FATT, "nav", 604, 7)),
    ]);
    let line = Tidslinje::av(of);
    let entry = line.innslag.iter().find(|entry| entry.tid == kl(601));
    assert_eq!(entry.unwrap().bane, "bom");
}

/// Seen red: with handovers of any time.
#[test]
fn what_began_after_the_period_was_not_open_in_it() {
    let mut of = grunnlag();
    of.hendelser.push(hendelse(
        "bestillerkontor",
        8,
        "OppdragTilbudt",
        "oppdrag/etter",
        1_500,
        8,
    ));
    let line = Tidslinje::av(of);
    assert!(
        line.lop.iter().all(|run| run.fra < kl(1_000)),
        "{:?}",
        line.lop
    );
}

#[test]
fn a_text_neither_moves_the_cursor_nor_forges_a_line() {
    assert_eq!(
        super::synlig("a\u{1b}[2J\r\nb\u{202e}ø"),
        "a\u{fffd}[2J\u{fffd}⏎b\u{fffd}ø"
    );
}
