//! An overview as sections of numbers with words: what the terminal, the CSV and
//! the page all show.

use std::fmt::Write as _;

use samspor_proto::boligkontor::{
    Beholdning, Behovscelle, Behovsgruppe, Behovsmal, Behovsoversikt, Behovsstatus, Kommendearsak,
    PublisertBehov, Tildelingstype, Tomgangsarsak,
};

/// What is said where every number is rounded.
pub(crate) const AVRUNDET: &str = "Avrundet: hvert tall er avrundet til nærmeste 5 for seg. Tallene kan \
                        ikke legges sammen eller trekkes fra hverandre.";
/// What is said where they are exact.
const EKSAKT: &str = "Nøyaktige tall, til bruk for dem som tildeler boliger. Små tall kan gjelde \
                      personer som noen kjenner: del dem ikke videre.";

/// An overview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rapport {
    /// Of when: `31.10.2026`.
    pub(crate) dag: String,
    /// `eksakt` or `publisert`.
    pub(crate) visning: &'static str,
    pub(crate) tittel: String,
    /// Who keeps it, and what the numbers are.
    pub(crate) om: Vec<String>,
    pub(crate) nokkeltall: Vec<(&'static str, i64)>,
    pub(crate) avsnitt: Vec<Avsnitt>,
}

/// A table, and the chart of its first columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Avsnitt {
    pub(crate) tittel: &'static str,
    pub(crate) forklaring: &'static str,
    pub(crate) rad: &'static str,
    pub(crate) kolonner: Vec<&'static str>,
    pub(crate) rader: Vec<(String, Vec<i64>)>,
    /// How many of the columns are drawn.
    pub(crate) tegnet: usize,
    /// The columns are parts of a whole: one bar for a row.
    pub(crate) stablet: bool,
}

const SOKBARE: [Tildelingstype; 3] = [
    Tildelingstype::KommunalUtleie,
    Tildelingstype::Hardfor,
    Tildelingstype::Omsorgsbolig,
];
const TYPER: [Tildelingstype; 4] = [
    Tildelingstype::KommunalUtleie,
    Tildelingstype::Hardfor,
    Tildelingstype::Omsorgsbolig,
    Tildelingstype::Midlertidig,
];
const GRUPPER: [Behovsgruppe; 5] = [
    Behovsgruppe::Kvinner,
    Behovsgruppe::Barnefamilier,
    Behovsgruppe::Rusfritt,
    Behovsgruppe::Bemannet,
    Behovsgruppe::Rullestol,
];
const KOMMENDE: [Kommendearsak; 4] = [
    Kommendearsak::Utskrivning,
    Kommendearsak::Loslatelse,
    Kommendearsak::Annet,
    Kommendearsak::Unspecified,
];
const TOMGANG: [Tomgangsarsak; 7] = [
    Tomgangsarsak::Klargjoring,
    Tomgangsarsak::Vedlikehold,
    Tomgangsarsak::Skade,
    Tomgangsarsak::Ombygging,
    Tomgangsarsak::Salg,
    Tomgangsarsak::VenterTildeling,
    Tomgangsarsak::Annet,
];

const fn type_navn(type_: Tildelingstype) -> &'static str {
    match type_ {
        Tildelingstype::Unspecified => "Ikke oppgitt",
        Tildelingstype::Midlertidig => "Midlertidig bolig",
        Tildelingstype::KommunalUtleie => "Kommunal utleiebolig",
        Tildelingstype::Hardfor => "Hardfør bolig",
        Tildelingstype::Omsorgsbolig => "Omsorgsbolig",
    }
}

const fn gruppe_navn(gruppe: Behovsgruppe) -> &'static str {
    match gruppe {
        Behovsgruppe::Unspecified => "Ikke oppgitt",
        Behovsgruppe::Alle => "Alle",
        Behovsgruppe::Kvinner => "Kvinner",
        Behovsgruppe::Barnefamilier => "Barnefamilier",
        Behovsgruppe::Rusfritt => "Rusfritt bomiljø",
        Behovsgruppe::Bemannet => "Bemannet bolig",
        Behovsgruppe::Rullestol => "Rullestolbolig",
    }
}

const fn status_navn(status: Behovsstatus) -> &'static str {
    match status {
        Behovsstatus::PaListen => "på listen",
        Behovsstatus::Uavgjort => "ikke avgjort",
        Behovsstatus::Unspecified => "ikke oppgitt",
    }
}

const fn kommende_navn(arsak: Kommendearsak) -> &'static str {
    match arsak {
        Kommendearsak::Utskrivning => "Utskrivning",
        Kommendearsak::Loslatelse => "Løslatelse",
        Kommendearsak::Annet => "Annet",
        Kommendearsak::Unspecified => "Ikke oppgitt",
    }
}

const fn tomgang_navn(arsak: Tomgangsarsak) -> &'static str {
    match arsak {
        Tomgangsarsak::Klargjoring => "Klargjøring",
        Tomgangsarsak::Vedlikehold => "Vedlikehold",
        Tomgangsarsak::Skade => "Skade",
        Tomgangsarsak::Ombygging => "Ombygging",
        Tomgangsarsak::Salg => "Salg eller tilbakelevering",
        Tomgangsarsak::VenterTildeling => "Venter på tildeling",
        Tomgangsarsak::Annet => "Annet",
        Tomgangsarsak::Unspecified => "Ikke oppgitt",
    }
}

const TILSTANDER: [&str; 5] = ["Utleid", "Reservert", "Ledig", "Klargjøres", "Ute av drift"];

/// `2026-10-31` as `31.10.2026`; what is no day, as it is.
fn norsk(dag: &str) -> String {
    match dag.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] => format!("{day}.{month}.{year}"),
        _ => dag.to_owned(),
    }
}

fn enhet(name: &str) -> &str {
    name.strip_prefix("enheter/").unwrap_or(name)
}

/// Not in temporary housing; there up to three months; longer.
fn opphold(cell: &Behovscelle) -> Vec<i64> {
    vec![
        i64::from(cell.antall - cell.i_midlertidig),
        i64::from(cell.i_midlertidig - cell.over_tre_maneder),
        cell.over_tre_maneder.into(),
        cell.antall.into(),
    ]
}

const OPPHOLD: [&str; 4] = [
    "Ikke i midlertidig bolig",
    "I midlertidig bolig inntil tre måneder",
    "I midlertidig bolig over tre måneder",
    "I alt",
];

fn tilstander(stock: &Beholdning) -> Vec<i64> {
    let states = [
        stock.utleide,
        stock.reserverte,
        stock.ledige,
        stock.klargjores,
        stock.ute_av_drift,
        stock.boliger,
    ];
    states.map(i64::from).into()
}

impl Rapport {
    /// The exact overview.
    #[must_use]
    pub fn eksakt(av: &Behovsoversikt) -> Self {
        let nobody = Behovscelle::default();
        let cell = |type_: Tildelingstype, group: Behovsgruppe, status: Behovsstatus| {
            let of = |cell: &&Behovscelle| {
                (cell.tildelingstype(), cell.gruppe(), cell.status()) == (type_, group, status)
            };
            av.celler.iter().find(of).unwrap_or(&nobody)
        };
        let listed = |type_, group| cell(type_, group, Behovsstatus::PaListen);
        let by_type = |numbers: &dyn Fn(Tildelingstype) -> Vec<i64>| {
            SOKBARE
                .iter()
                .map(|type_| (type_navn(*type_).to_owned(), numbers(*type_)))
                .collect::<Vec<_>>()
        };
        let coming = |type_: Tildelingstype| {
            let number = |cause: Kommendearsak| {
                let mut of = av.kommende.iter();
                let of = of.find(|one| one.tildelingstype() == type_ && one.arsak() == cause);
                of.map_or(0, |one| i64::from(one.antall))
            };
            KOMMENDE.map(number).into()
        };
        let empty = |cause: Tomgangsarsak, type_: Option<Tildelingstype>| {
            let of = av.tomgang.iter().filter(|sum| {
                sum.arsak() == cause && type_.is_none_or(|type_| sum.tildelingstype() == type_)
            });
            let (days, cost) = of.fold((0, 0), |(days, cost), sum| {
                (days + i64::from(sum.dager), cost + sum.kostnad)
            });
            vec![days, cost]
        };
        let mut each = Vec::new();
        for type_ in SOKBARE {
            for group in [Behovsgruppe::Alle].into_iter().chain(GRUPPER) {
                for status in [Behovsstatus::PaListen, Behovsstatus::Uavgjort] {
                    let one = cell(type_, group, status);
                    let numbers = [
                        one.antall,
                        one.i_midlertidig,
                        one.over_tre_maneder,
                        one.ventet_under_tre,
                        one.ventet_tre_til_tolv,
                        one.ventet_over_tolv,
                    ];
                    let name = format!(
                        "{}, {}, {}",
                        type_navn(type_),
                        gruppe_navn(group),
                        status_navn(status)
                    );
                    each.push((name, numbers.map(i64::from).into()));
                }
            }
        }
        let mut each_empty = Vec::new();
        for type_ in TYPER {
            for cause in TOMGANG {
                let numbers = empty(cause, Some(type_));
                if numbers.iter().any(|number| *number > 0) {
                    let name = format!("{}, {}", type_navn(type_), tomgang_navn(cause));
                    each_empty.push((name, numbers));
                }
            }
        }
        let temporary = |all: i32, over: i32| vec![i64::from(all - over), over.into(), all.into()];
        let free: i32 = av.beholdning.iter().map(|stock| stock.ledige).sum();
        Self {
            dag: norsk(&av.dag),
            visning: "eksakt",
            tittel: format!("Behovsoversikt for boliger {}", norsk(&av.dag)),
            om: vec![
                format!(
                    "Føres av {}. Boligsosialloven § 5.",
                    enhet(&av.ansvarlig_enhet)
                ),
                EKSAKT.to_owned(),
            ],
            nokkeltall: vec![
                ("personer i midlertidig bolig", av.i_midlertidig.into()),
                ("av dem over tre måneder", av.over_tre_maneder.into()),
                ("av dem uten boligsak", av.uten_boligsak.into()),
                ("ledige boliger", free.into()),
            ],
            avsnitt: vec![
                Avsnitt {
                    tittel: "Venter på bolig",
                    forklaring: "Personer på listen. En person kan stå på flere lister.",
                    rad: "Boligtype",
                    kolonner: OPPHOLD.into(),
                    rader: by_type(&|type_| opphold(listed(type_, Behovsgruppe::Alle))),
                    tegnet: 3,
                    stablet: true,
                },
                Avsnitt {
                    tittel: "Hvor lenge de har ventet",
                    forklaring: "Personer på listen, etter hvor lenge det er siden de søkte.",
                    rad: "Boligtype",
                    kolonner: vec![
                        "Under tre måneder",
                        "Tre til tolv måneder",
                        "Tolv måneder eller mer",
                    ],
                    rader: by_type(&|type_| {
                        let one = listed(type_, Behovsgruppe::Alle);
                        let waits = [
                            one.ventet_under_tre,
                            one.ventet_tre_til_tolv,
                            one.ventet_over_tolv,
                        ];
                        waits.map(i64::from).into()
                    }),
                    tegnet: 3,
                    stablet: true,
                },
                Avsnitt {
                    tittel: "Har søkt, ikke avgjort",
                    forklaring: "Personer med en søknad som ikke er avgjort.",
                    rad: "Boligtype",
                    kolonner: OPPHOLD.into(),
                    rader: by_type(&|type_| {
                        opphold(cell(type_, Behovsgruppe::Alle, Behovsstatus::Uavgjort))
                    }),
                    tegnet: 3,
                    stablet: true,
                },
                Avsnitt {
                    tittel: "Grupper blant dem som venter",
                    forklaring: "Personer på listen. En person kan være i flere grupper.",
                    rad: "Boligtype",
                    kolonner: GRUPPER.map(gruppe_navn).into(),
                    rader: by_type(&|type_| {
                        GRUPPER
                            .map(|group| i64::from(listed(type_, group).antall))
                            .into()
                    }),
                    tegnet: 5,
                    stablet: false,
                },
                Avsnitt {
                    tittel: "Kjent kommende behov",
                    forklaring: "Personer med åpen søknad som trenger boligen innen seks måneder.",
                    rad: "Boligtype",
                    kolonner: KOMMENDE.map(kommende_navn).into(),
                    rader: by_type(&coming),
                    tegnet: 4,
                    stablet: true,
                },
                Avsnitt {
                    tittel: "I midlertidig bolig",
                    forklaring: "Også de som ikke har noen boligsak. Tiden går videre når personen flyttes.",
                    rad: "Hvem",
                    kolonner: vec!["Inntil tre måneder", "Over tre måneder", "I alt"],
                    rader: vec![
                        (
                            "Alle".to_owned(),
                            temporary(av.i_midlertidig, av.over_tre_maneder),
                        ),
                        (
                            "Uten boligsak".to_owned(),
                            temporary(av.uten_boligsak, av.uten_boligsak_over_tre),
                        ),
                    ],
                    tegnet: 2,
                    stablet: true,
                },
                Avsnitt {
                    tittel: "Boliger",
                    forklaring: "Alle som kommunen tildeler, etter tilstand.",
                    rad: "Boligtype",
                    kolonner: TILSTANDER.into_iter().chain(["I alt"]).collect(),
                    rader: TYPER
                        .iter()
                        .map(|type_| {
                            let mut of = av.beholdning.iter();
                            let of = of.find(|stock| stock.tildelingstype() == *type_);
                            let none = Beholdning::default();
                            (
                                type_navn(*type_).to_owned(),
                                tilstander(of.unwrap_or(&none)),
                            )
                        })
                        .collect(),
                    tegnet: 5,
                    stablet: true,
                },
                Avsnitt {
                    tittel: "Tomgang",
                    forklaring: "Dager som boliger har stått tomme de siste tolv månedene, og hva det kostet.",
                    rad: "Årsak",
                    kolonner: vec!["Dager", "Kroner"],
                    rader: TOMGANG
                        .iter()
                        .map(|cause| (tomgang_navn(*cause).to_owned(), empty(*cause, None)))
                        .collect(),
                    tegnet: 1,
                    stablet: false,
                },
                Avsnitt {
                    tittel: "Tomgang etter boligtype",
                    forklaring: "De samme dagene, bare der det er noen.",
                    rad: "Boligtype og årsak",
                    kolonner: vec!["Dager", "Kroner"],
                    rader: each_empty,
                    tegnet: 0,
                    stablet: false,
                },
                Avsnitt {
                    tittel: "Alle tall om søknader",
                    forklaring: "Boligtype, gruppe og hvor langt saken er kommet.",
                    rad: "Boligtype, gruppe og status",
                    kolonner: vec![
                        "Personer",
                        "I midlertidig bolig",
                        "Over tre måneder",
                        "Ventet under tre måneder",
                        "Ventet tre til tolv måneder",
                        "Ventet tolv måneder eller mer",
                    ],
                    rader: each,
                    tegnet: 0,
                    stablet: false,
                },
            ],
        }
    }

    /// A published month.
    #[must_use]
    pub fn publisert(av: &PublisertBehov) -> Self {
        let number = |type_: Tildelingstype, mal: Behovsmal| {
            let mut of = av.celler.iter();
            let of = of.find(|cell| cell.tildelingstype() == type_ && cell.mal() == mal);
            of.map_or(0, |cell| i64::from(cell.antall))
        };
        let by_type = |types: &[Tildelingstype], which: &[Behovsmal]| {
            let numbers = |type_: Tildelingstype| which.iter().map(move |mal| number(type_, *mal));
            types
                .iter()
                .map(|type_| (type_navn(*type_).to_owned(), numbers(*type_).collect()))
                .collect::<Vec<_>>()
        };
        let section =
            |tittel, forklaring, kolonner: &[&'static str], types: &[_], which: &[_]| Avsnitt {
                tittel,
                forklaring,
                rad: "Boligtype",
                kolonner: kolonner.into(),
                rader: by_type(types, which),
                tegnet: kolonner.len(),
                stablet: false,
            };
        Self {
            dag: norsk(&av.dag),
            visning: "publisert",
            tittel: format!("Behovsoversikt for boliger {}", norsk(&av.dag)),
            om: vec![
                format!(
                    "Publisert for måneden {} av {}. Boligsosialloven § 5.",
                    av.maned,
                    enhet(&av.ansvarlig_enhet)
                ),
                AVRUNDET.to_owned(),
            ],
            nokkeltall: vec![
                (
                    "personer i midlertidig bolig uten boligsak",
                    av.uten_boligsak.into(),
                ),
                ("av dem over tre måneder", av.uten_boligsak_over_tre.into()),
                (
                    "tusen kroner for tomme boliger på tolv måneder",
                    av.tomgangskostnad_tusen.into(),
                ),
            ],
            avsnitt: vec![
                section(
                    "Venter på bolig",
                    "Personer på listen. En person kan stå på flere lister.",
                    &[
                        "På listen",
                        "Av disse i midlertidig bolig",
                        "Av disse over tre måneder",
                    ],
                    &SOKBARE,
                    &[
                        Behovsmal::Venter,
                        Behovsmal::VenterIMidlertidig,
                        Behovsmal::VenterOverTreManeder,
                    ],
                ),
                section(
                    "Hvor lenge de har ventet",
                    "Personer på listen, etter hvor lenge det er siden de søkte.",
                    &["Tre måneder eller mer", "Av disse tolv måneder eller mer"],
                    &SOKBARE,
                    &[Behovsmal::VentetTreManeder, Behovsmal::VentetTolvManeder],
                ),
                section(
                    "Grupper blant dem som venter",
                    "Personer på listen. En person kan være i flere grupper.",
                    &GRUPPER.map(gruppe_navn),
                    &SOKBARE,
                    &[
                        Behovsmal::Kvinner,
                        Behovsmal::Barnefamilier,
                        Behovsmal::Rusfritt,
                        Behovsmal::Bemannet,
                        Behovsmal::Rullestol,
                    ],
                ),
                section(
                    "Kommende behov og søknader som ikke er avgjort",
                    "Av dem på listen, de som trenger boligen innen seks måneder; og de som har søkt.",
                    &["Kommende behov", "Har søkt, ikke avgjort"],
                    &SOKBARE,
                    &[Behovsmal::Kommende, Behovsmal::Uavgjort],
                ),
                section(
                    "Boliger",
                    "Alle som kommunen tildeler, etter tilstand.",
                    &TILSTANDER,
                    &TYPER,
                    &[
                        Behovsmal::Utleide,
                        Behovsmal::Reserverte,
                        Behovsmal::Ledige,
                        Behovsmal::Klargjores,
                        Behovsmal::UteAvDrift,
                    ],
                ),
                Avsnitt {
                    tittel: "Tomgang",
                    forklaring: "Dager som boliger har stått tomme de siste tolv månedene.",
                    rad: "Årsak",
                    kolonner: vec!["Dager"],
                    rader: av
                        .tomgang
                        .iter()
                        .map(|sum| (tomgang_navn(sum.arsak()).to_owned(), vec![sum.dager.into()]))
                        .collect(),
                    tegnet: 1,
                    stablet: false,
                },
            ],
        }
    }

    /// As rows: `dag;visning;avsnitt;rad;kolonne;antall`.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = "dag;visning;avsnitt;rad;kolonne;antall\n".to_owned();
        let mut line = |section: &str, row: &str, column: &str, number: i64| {
            let fields = [&self.dag, self.visning, section, row, column].map(felt);
            let _ = writeln!(out, "{};{number}", fields.join(";"));
        };
        for (name, number) in &self.nokkeltall {
            line("Nøkkeltall", name, "", *number);
        }
        for section in &self.avsnitt {
            for (name, numbers) in &section.rader {
                for (column, number) in section.kolonner.iter().zip(numbers) {
                    line(section.tittel, name, column, *number);
                }
            }
        }
        out
    }

    /// For the terminal.
    #[must_use]
    pub fn tekst(&self) -> String {
        let mut out = format!("{}\n", self.tittel);
        for line in &self.om {
            let _ = writeln!(out, "{line}");
        }
        out.push('\n');
        for (name, number) in &self.nokkeltall {
            let _ = writeln!(out, "{number:>8}  {name}");
        }
        // Every cell is for the file; here what is drawn.
        for section in self.avsnitt.iter().filter(|section| section.tegnet > 0) {
            let _ = writeln!(out, "\n{}  {}", section.tittel, section.forklaring);
            let width = section.rader.iter().map(|(name, _)| name.chars().count());
            let width = width.max().unwrap_or(0);
            for (number, column) in (1..).zip(&section.kolonner) {
                let _ = writeln!(out, "  {:width$}  ({number}) {column}", "");
            }
            let heads: Vec<String> = (1..=section.kolonner.len())
                .map(|number| format!("{:>9}", format!("({number})")))
                .collect();
            let _ = writeln!(out, "  {:width$}{}", "", heads.concat());
            for (name, numbers) in &section.rader {
                let cells: Vec<String> = numbers.iter().map(|one| format!("{one:>9}")).collect();
                let _ = writeln!(out, "  {name:width$}{}", cells.concat());
            }
        }
        out
    }
}

/// A field of CSV.
fn felt(text: &str) -> String {
    match text.contains([';', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(crate) mod tests {
    use samspor_proto::boligkontor::{
        Kommendebehov, Publisertcelle, Publiserttomgang, Tomgangssum,
    };

    use super::*;

    /// Karmøy in January 2025: 16 wait, 12 of them in temporary housing.
    pub(in crate::behov) fn oversikt() -> Behovsoversikt {
        let cell = |type_: Tildelingstype, group: Behovsgruppe, numbers: [i32; 6]| {
            let [
                antall,
                i_midlertidig,
                over_tre_maneder,
                under,
                between,
                over,
            ] = numbers;
            Behovscelle {
                tildelingstype: type_.into(),
                gruppe: group.into(),
                status: Behovsstatus::PaListen.into(),
                antall,
                i_midlertidig,
                over_tre_maneder,
                ventet_under_tre: under,
                ventet_tre_til_tolv: between,
                ventet_over_tolv: over,
            }
        };
        let [rent, hard, care] = SOKBARE;
        let stock = |type_: Tildelingstype, numbers: [i32; 5]| {
            let [utleide, reserverte, ledige, klargjores, ute_av_drift] = numbers;
            Beholdning {
                tildelingstype: type_.into(),
                boliger: numbers.iter().sum(),
                ledige,
                reserverte,
                utleide,
                klargjores,
                ute_av_drift,
            }
        };
        let empty = |type_: Tildelingstype, cause: Tomgangsarsak, dager: i32| Tomgangssum {
            tildelingstype: type_.into(),
            arsak: cause.into(),
            dager,
            kostnad: i64::from(dager) * 280,
        };
        Behovsoversikt {
            name: "enheter/boligkontor/behovsoversikter/2025-01-31".into(),
            ansvarlig_enhet: "enheter/boligkontor".into(),
            dag: "2025-01-31".into(),
            celler: vec![
                cell(rent, Behovsgruppe::Alle, [9, 7, 3, 2, 4, 3]),
                cell(rent, Behovsgruppe::Kvinner, [4, 3, 1, 1, 2, 1]),
                cell(rent, Behovsgruppe::Barnefamilier, [2, 1, 0, 1, 1, 0]),
                cell(hard, Behovsgruppe::Alle, [5, 4, 2, 1, 1, 3]),
                cell(hard, Behovsgruppe::Bemannet, [3, 3, 2, 0, 1, 2]),
                cell(care, Behovsgruppe::Alle, [2, 1, 0, 1, 1, 0]),
                cell(care, Behovsgruppe::Rullestol, [1, 0, 0, 1, 0, 0]),
                Behovscelle {
                    status: Behovsstatus::Uavgjort.into(),
                    ..cell(rent, Behovsgruppe::Alle, [3, 1, 0, 3, 0, 0])
                },
            ],
            kommende: vec![Kommendebehov {
                tildelingstype: hard.into(),
                arsak: Kommendearsak::Loslatelse.into(),
                antall: 2,
            }],
            i_midlertidig: 19,
            over_tre_maneder: 7,
            uten_boligsak: 6,
            uten_boligsak_over_tre: 2,
            beholdning: vec![
                stock(rent, [300, 4, 6, 9, 3]),
                stock(hard, [22, 0, 0, 2, 4]),
                stock(care, [110, 1, 2, 3, 0]),
                stock(Tildelingstype::Midlertidig, [11, 0, 1, 1, 0]),
            ],
            tomgang: vec![
                empty(rent, Tomgangsarsak::Klargjoring, 1240),
                empty(rent, Tomgangsarsak::VenterTildeling, 410),
                empty(hard, Tomgangsarsak::Skade, 380),
            ],
            ..Default::default()
        }
    }

    pub(in crate::behov) fn maned() -> PublisertBehov {
        let cells = [
            (Behovsmal::Venter, 10),
            (Behovsmal::VenterIMidlertidig, 5),
            (Behovsmal::VenterOverTreManeder, 5),
            (Behovsmal::VentetTreManeder, 5),
            (Behovsmal::Kvinner, 5),
            (Behovsmal::Uavgjort, 5),
            (Behovsmal::Ledige, 5),
            (Behovsmal::Utleide, 300),
        ];
        PublisertBehov {
            name: "behov/2025-01".into(),
            ansvarlig_enhet: "enheter/boligkontor".into(),
            maned: "2025-01".into(),
            dag: "2025-01-31".into(),
            celler: cells
                .map(|(mal, antall)| Publisertcelle {
                    tildelingstype: Tildelingstype::KommunalUtleie.into(),
                    mal: mal.into(),
                    antall,
                })
                .into(),
            uten_boligsak: 5,
            uten_boligsak_over_tre: 0,
            tomgang: vec![Publiserttomgang {
                arsak: Tomgangsarsak::Klargjoring.into(),
                dager: 1240,
            }],
            tomgangskostnad_tusen: 570,
            ..Default::default()
        }
    }

    /// Holds a text against the file of what it should be.
    ///
    /// `SAMSPOR_OPPDATER=1 cargo test -p samspor behov` writes the files anew.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test asks its environment whether to refresh a golden file"
    )]
    pub(crate) fn som_forventet(file: &str, text: &str) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        let file = format!("{folder}/{file}");
        if std::env::var_os("SAMSPOR_OPPDATER").is_some() {
            std::fs::write(&file, text).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, expected, "{file}");
    }

    #[test]
    fn the_same_numbers_as_text_and_rows() {
        let exact = Rapport::eksakt(&oversikt());
        som_forventet("behov/forventet/eksakt.txt", &exact.tekst());
        som_forventet("behov/forventet/eksakt.csv", &exact.csv());
        let published = Rapport::publisert(&maned());
        som_forventet("behov/forventet/publisert.txt", &published.tekst());
        som_forventet("behov/forventet/publisert.csv", &published.csv());
        assert!(published.tekst().contains("avrundet til nærmeste 5"));
        assert!(!exact.tekst().contains("vrundet"));
    }

    #[test]
    fn a_field_keeps_its_own_separators() {
        assert_eq!(felt("Annet"), "Annet");
        assert_eq!(felt("a;b"), "\"a;b\"");
        assert_eq!(felt("a\"b"), "\"a\"\"b\"");
    }
}
