//! A month of avvik as sections of numbers with words.

use samspor_proto::avvik::{
    Alvorlighet, Avvikskategori, Avviksmal, Avvikstall, Meldttall, PublisertAvvikscelle,
    PublisertAvvikstall,
};

use crate::behov::{AVRUNDET, Avsnitt, Rapport};

/// What is said where they are exact.
const EKSAKT: &str = "Nøyaktige tall, til bruk for dem som følger med på samarbeidet. Små tall kan \
                      gjelde noe som noen kjenner: del dem ikke videre.";

const KATEGORIER: [Avvikskategori; 7] = [
    Avvikskategori::Fag,
    Avvikskategori::Hms,
    Avvikskategori::Legemiddel,
    Avvikskategori::Samhandling,
    Avvikskategori::Personvern,
    Avvikskategori::VoldTrusler,
    Avvikskategori::Bolig,
];
const ALVORLIGHETER: [Alvorlighet; 4] = [
    Alvorlighet::Lav,
    Alvorlighet::Moderat,
    Alvorlighet::Alvorlig,
    Alvorlighet::Kritisk,
];

const fn kategori(of: Avvikskategori) -> &'static str {
    match of {
        Avvikskategori::Unspecified => "Ikke oppgitt",
        Avvikskategori::Fag => "Fag",
        Avvikskategori::Hms => "HMS",
        Avvikskategori::Legemiddel => "Legemiddel",
        Avvikskategori::Samhandling => "Samhandling",
        Avvikskategori::Personvern => "Personvern",
        Avvikskategori::VoldTrusler => "Vold og trusler",
        Avvikskategori::Bolig => "Bolig",
    }
}

const fn alvorlighet(of: Alvorlighet) -> &'static str {
    match of {
        Alvorlighet::Unspecified => "Ikke oppgitt",
        Alvorlighet::Lav => "Lav",
        Alvorlighet::Moderat => "Moderat",
        Alvorlighet::Alvorlig => "Alvorlig",
        Alvorlighet::Kritisk => "Kritisk",
    }
}

fn enhet(name: &str) -> String {
    match name.strip_prefix("enheter/") {
        Some(unit) => unit.to_owned(),
        None => "Alle andre".to_owned(),
    }
}

/// `2026-10` as `10.2026`; what is no month, as it is.
fn norsk(maned: &str) -> String {
    match maned.split_once('-') {
        Some((year, month)) => format!("{month}.{year}"),
        None => maned.to_owned(),
    }
}

fn rapport(
    maned: &str,
    visning: &'static str,
    (holder, hva): (&str, &str),
    nokkeltall: Vec<(&'static str, i64)>,
    avsnitt: Vec<Avsnitt>,
) -> Rapport {
    let dag = norsk(maned);
    Rapport {
        tittel: format!("Avvik i {dag}"),
        om: vec![format!("Føres av {}.", enhet(holder)), hva.to_owned()],
        dag,
        visning,
        nokkeltall,
        avsnitt,
    }
}

/// The columns of every table, so that the two views are read in the same way.
const MELDT: [&str; 4] = [
    "Meldt",
    "Av disse alvorlige",
    "Av disse kritiske",
    "Fikk tilbakemelding",
];
const KVITTERT: [&str; 3] = ["Besvart", "Av disse etter fristen", "Returnert"];
const LUKKET: [&str; 3] = [
    "Lukket",
    "Av disse etter 30 dager",
    "Av disse etter 90 dager",
];

fn avsnitt(
    (tittel, forklaring, rad): (&'static str, &'static str, &'static str),
    kolonner: &[&'static str],
    rader: Vec<(String, Vec<i64>)>,
    tegnet: usize,
) -> Avsnitt {
    Avsnitt {
        tittel,
        forklaring,
        rad,
        kolonner: kolonner.to_vec(),
        rader,
        tegnet,
        stablet: false,
    }
}

fn om_meldt(rows: Vec<(String, Vec<i64>)>) -> Avsnitt {
    let said = "Avvik meldt i måneden, etter alvorlighet slik melderen så den, og hvor mange som \
                fikk tilbakemelding innen 30 dager.";
    avsnitt(("Meldt", said, "Kategori"), &MELDT, rows, 4)
}

fn om_lukket(rows: Vec<(String, Vec<i64>)>) -> Avsnitt {
    let said = "Avvik lukket i måneden, etter hvor lenge det er siden de ble meldt.";
    avsnitt(
        ("Tid til lukking", said, "Alvorlighet fra melder"),
        &LUKKET,
        rows,
        3,
    )
}

fn om_vurdert(number: impl Fn(Alvorlighet, Alvorlighet) -> i64) -> Avsnitt {
    let row = |by: Alvorlighet| {
        let numbers = ALVORLIGHETER.map(|assessed| number(by, assessed));
        (alvorlighet(by).to_owned(), numbers.to_vec())
    };
    let said = "Vurderinger gjort i måneden: melderens alvorlighet nedover, den vurderte bortover.";
    avsnitt(
        ("Melderens og vurdert alvorlighet", said, "Fra melder"),
        &ALVORLIGHETER.map(alvorlighet),
        ALVORLIGHETER.map(row).into(),
        4,
    )
}

/// The exact month.
pub(super) fn eksakt(av: &Avvikstall) -> Rapport {
    let sum = |of: &dyn Fn(&&Meldttall) -> bool, number: fn(&Meldttall) -> i32| -> i64 {
        av.meldt.iter().filter(of).map(number).map(i64::from).sum()
    };
    let all = |cell: &Meldttall| cell.antall;
    let told = |cell: &Meldttall| cell.med_tilbakemelding;
    let row = |of: Avvikskategori| {
        let from = |least: Alvorlighet| {
            let is = |cell: &&Meldttall| cell.kategori() == of && cell.alvorlighet() >= least;
            sum(&is, all)
        };
        let numbers = vec![
            from(Alvorlighet::Lav),
            from(Alvorlighet::Alvorlig),
            from(Alvorlighet::Kritisk),
            sum(&|cell| cell.kategori() == of, told),
        ];
        (kategori(of).to_owned(), numbers)
    };
    let unit = |one: &samspor_proto::avvik::Avviksenhetstall| {
        let numbers = [
            one.kvittert,
            one.etter_frist,
            one.returnert,
            one.frasagt,
            one.median_timer,
            one.lukket,
            one.median_dager,
            one.gjenapnet,
        ];
        (enhet(&one.enhet), numbers.map(i64::from).to_vec())
    };
    let closed = |one: &samspor_proto::avvik::Lukkingstall| {
        let numbers = [one.antall, one.etter_30, one.etter_90];
        (
            alvorlighet(one.alvorlighet()).to_owned(),
            numbers.map(i64::from).to_vec(),
        )
    };
    let about = |one: &samspor_proto::avvik::Retningstall| {
        let who = format!("{} om {}", enhet(&one.melder_enhet), enhet(&one.enhet));
        (who, vec![i64::from(one.antall)])
    };
    let assessed = |by: Alvorlighet, as_: Alvorlighet| {
        let mut cells = av.vurdert.iter();
        let of = cells.find(|cell| (cell.meldt(), cell.vurdert()) == (by, as_));
        of.map_or(0, |cell| i64::from(cell.antall))
    };
    let own = [
        KVITTERT.as_slice(),
        &[
            "Frasagt",
            "Halvparten innen timer",
            "Lukket",
            "Halvparten innen dager",
            "Gjenåpnet",
        ],
    ]
    .concat();
    rapport(
        &av.maned,
        "eksakt",
        (&av.ansvarlig_enhet, EKSAKT),
        vec![
            ("meldt", sum(&|_| true, all)),
            (
                "av dem med tilbakemelding innen 30 dager",
                sum(&|_| true, told),
            ),
            (
                "av dem reist av seg selv",
                sum(&|_| true, |cell| cell.av_seg_selv),
            ),
        ],
        vec![
            om_meldt(KATEGORIER.map(row).into()),
            avsnitt(
                (
                    "Enhetene",
                    "Foreslåtte deler enheten svarte på i måneden, og avvik lukket mens den hadde ansvaret.",
                    "Enhet",
                ),
                &own,
                av.enheter.iter().map(unit).collect(),
                3,
            ),
            om_lukket(av.lukket.iter().map(closed).collect()),
            om_vurdert(assessed),
            avsnitt(
                (
                    "Hvem som meldte om hvem",
                    "Foreslåtte deler i avvik meldt med navn. Anonyme avvik er ikke med.",
                    "Melder om enhet",
                ),
                &["Deler"],
                av.retning.iter().map(about).collect(),
                1,
            ),
        ],
    )
}

/// The month as it was published.
pub(super) fn publisert(av: &PublisertAvvikstall) -> Rapport {
    let number = |mal: Avviksmal, is: &dyn Fn(&PublisertAvvikscelle) -> bool| -> i64 {
        let mut cells = av.celler.iter();
        let of = cells.find(|cell| cell.mal() == mal && is(cell));
        of.map_or(0, |cell| i64::from(cell.antall))
    };
    let reported = |of: Avvikskategori| {
        let numbers = [
            Avviksmal::Meldt,
            Avviksmal::MeldtAlvorlig,
            Avviksmal::MeldtKritisk,
            Avviksmal::MedTilbakemelding,
        ];
        let numbers = numbers.map(|mal| number(mal, &|cell| cell.kategori() == of));
        (kategori(of).to_owned(), numbers.to_vec())
    };
    let units = av
        .celler
        .iter()
        .filter(|cell| cell.mal() == Avviksmal::Kvittert);
    let answered = |unit: &PublisertAvvikscelle| {
        let numbers = [
            Avviksmal::Kvittert,
            Avviksmal::KvittertEtterFrist,
            Avviksmal::Returnert,
        ];
        let numbers = numbers.map(|mal| number(mal, &|cell| cell.enhet == unit.enhet));
        (enhet(&unit.enhet), numbers.to_vec())
    };
    let closed = |of: Alvorlighet| {
        let numbers = [
            Avviksmal::Lukket,
            Avviksmal::LukketEtter30,
            Avviksmal::LukketEtter90,
        ];
        let numbers = numbers.map(|mal| number(mal, &|cell| cell.alvorlighet() == of));
        (alvorlighet(of).to_owned(), numbers.to_vec())
    };
    let assessed = |by: Alvorlighet, as_: Alvorlighet| {
        number(Avviksmal::Vurdert, &|cell| {
            (cell.alvorlighet(), cell.vurdert()) == (by, as_)
        })
    };
    rapport(
        &av.maned,
        "publisert",
        (&av.ansvarlig_enhet, AVRUNDET),
        Vec::new(),
        vec![
            om_meldt(KATEGORIER.map(reported).into()),
            avsnitt(
                (
                    "Svar fra enhetene",
                    "Foreslåtte deler enheten svarte på i måneden.",
                    "Enhet",
                ),
                &KVITTERT,
                units.map(answered).collect(),
                3,
            ),
            om_lukket(ALVORLIGHETER.map(closed).into()),
            om_vurdert(assessed),
        ],
    )
}

#[cfg(test)]
mod tests {
    use samspor_proto::avvik::{Avviksenhetstall, Lukkingstall, Retningstall, Vurderingstall};

    use super::*;
    use crate::behov::{html::side, som_forventet};

    /// A month of a few, of which two severities were assessed otherwise.
    fn maned() -> Avvikstall {
        let cell = |kategori: Avvikskategori, severity: Alvorlighet, numbers: [i32; 3]| {
            let [antall, med_tilbakemelding, av_seg_selv] = numbers;
            Meldttall {
                kategori: kategori.into(),
                alvorlighet: severity.into(),
                antall,
                med_tilbakemelding,
                av_seg_selv,
            }
        };
        Avvikstall {
            ansvarlig_enhet: "enheter/koordinering".into(),
            maned: "2026-10".into(),
            meldt: vec![
                cell(Avvikskategori::Bolig, Alvorlighet::Alvorlig, [6, 4, 2]),
                cell(Avvikskategori::Bolig, Alvorlighet::Kritisk, [3, 3, 3]),
                cell(Avvikskategori::Samhandling, Alvorlighet::Lav, [11, 2, 0]),
            ],
            retning: vec![Retningstall {
                melder_enhet: "enheter/bom".into(),
                enhet: "enheter/nav".into(),
                antall: 5,
            }],
            enheter: vec![Avviksenhetstall {
                enhet: "enheter/nav".into(),
                kvittert: 9,
                etter_frist: 3,
                returnert: 2,
                frasagt: 1,
                median_timer: 26,
                lukket: 4,
                median_dager: 41,
                gjenapnet: 1,
            }],
            lukket: vec![Lukkingstall {
                alvorlighet: Alvorlighet::Alvorlig.into(),
                antall: 4,
                etter_30: 3,
                etter_90: 1,
            }],
            vurdert: vec![Vurderingstall {
                meldt: Alvorlighet::Lav.into(),
                vurdert: Alvorlighet::Alvorlig.into(),
                antall: 2,
            }],
            ..Default::default()
        }
    }

    fn trykt() -> PublisertAvvikstall {
        let cell = |mal: Avviksmal, antall: i32| PublisertAvvikscelle {
            mal: mal.into(),
            antall,
            ..Default::default()
        };
        let by = |unit: &str, mal, antall| PublisertAvvikscelle {
            enhet: unit.into(),
            ..cell(mal, antall)
        };
        PublisertAvvikstall {
            ansvarlig_enhet: "enheter/koordinering".into(),
            maned: "2026-10".into(),
            celler: vec![
                PublisertAvvikscelle {
                    kategori: Avvikskategori::Bolig.into(),
                    ..cell(Avviksmal::Meldt, 10)
                },
                PublisertAvvikscelle {
                    kategori: Avvikskategori::Bolig.into(),
                    ..cell(Avviksmal::MedTilbakemelding, 5)
                },
                by("enheter/nav", Avviksmal::Kvittert, 10),
                by("enheter/nav", Avviksmal::KvittertEtterFrist, 5),
                by("", Avviksmal::Kvittert, 5),
                PublisertAvvikscelle {
                    alvorlighet: Alvorlighet::Alvorlig.into(),
                    ..cell(Avviksmal::Lukket, 5)
                },
                PublisertAvvikscelle {
                    alvorlighet: Alvorlighet::Lav.into(),
                    vurdert: Alvorlighet::Kritisk.into(),
                    ..cell(Avviksmal::Vurdert, 5)
                },
            ],
            ..Default::default()
        }
    }

    /// The same numbers in every form; each chart can be heard, and a page needs
    /// nothing but itself.
    #[test]
    fn a_month_reads_the_same_in_every_form() {
        for (name, report) in [
            ("eksakt", eksakt(&maned())),
            ("publisert", publisert(&trykt())),
        ] {
            let page = side(&report);
            let file = |ending: &str| format!("avvik/forventet/{name}.{ending}");
            som_forventet(&file("txt"), &report.tekst());
            som_forventet(&file("csv"), &report.csv());
            som_forventet(&file("html"), &page);
            for outside in ["http:", "https:", "<script", "<link", "url(", "@import"] {
                assert!(!page.contains(outside), "{outside}");
            }
            let drawn = report.avsnitt.len();
            assert_eq!(page.matches("role=\"img\"").count(), drawn);
            assert_eq!(page.matches("<desc ").count(), drawn);
            let rounded = report.tekst().contains("avrundet til nærmeste 5");
            assert_eq!(rounded, name == "publisert");
        }
        // Who reported stands in the exact one alone.
        assert!(eksakt(&maned()).csv().contains("bom om nav"));
        assert!(!publisert(&trykt()).csv().contains("bom"));
    }
}
