//! What a text model is worth where no visitor tells: whether the names of datasets find their own descriptions, by the model,
//! by words and by both. A model that does not know the language of a catalogue finds fewer than words do.

use std::cmp::Ordering;

use anyhow::Result;
use rayon::prelude::*;

use super::embeddings::listed_tags;
use super::fusion::{MODEL, UNSEEN, centred, chosen, discount};
use crate::common::language::{either, t};
use crate::embed::{self, Text};
use crate::index::{Row, Vectors, dot};

/// How many datasets of each language are asked for.
const MOST: usize = 300;

/// With fewer than this nothing is judged by them.
const FEW: usize = 30;

/// A model to which more of a language's tokens than this are unknown does not know it.
const UNKNOWN: f32 = 0.1;

/// Of descriptions with fewer characters than this nothing is asked.
const SHORTEST: usize = 20;

/// Tags that find fewer of their own descriptions than this share of what names find say too little to be read alone.
const TELLING: f64 = 0.5;

/// What is expected of a model before names and descriptions are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Half of the whole, where it adds more than chance: somebody's model, of which nothing is known.
    Half,
    /// A fifth, where it takes away no more than chance does: the table that the program carries. Names find their own
    /// descriptions by the words that both have, of which a table of tokens knows less than it does of topics.
    Fifth,
}

impl Expected {
    fn weight(self) -> f32 {
        match self {
            Self::Half => UNSEEN.1,
            Self::Fifth => 0.2,
        }
    }
}

/// A language of a catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// All that is written in letters.
    Letters,
    /// Chinese.
    Chinese,
}

impl Script {
    const ALL: [Self; 2] = [Self::Letters, Self::Chinese];

    /// That of most of a text.
    pub fn of(text: &Text) -> Self {
        if text.is_chinese() { Self::Chinese } else { Self::Letters }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Chinese => either("Chinese", "中文"),
            Self::Letters => either("letters", "字母文字"),
        }
    }
}

/// The datasets that are asked for, by language.
pub type Samples = [Vec<u32>; Script::ALL.len()];

/// What is known of a model without visits.
pub struct Probes(Vec<Probe>);

/// What is known of it in one language.
pub struct Probe {
    script: Script,
    /// How much it counts of 1 beside words; 0 where it adds nothing.
    weight: f32,
    /// How many datasets were asked for; 0 where they were too few to judge by.
    asked: usize,
    /// Mean NDCG of words, of the model, and of both at `weight`.
    figures: [f64; 3],
    /// What share of its tokens the model does not know.
    unknown: f32,
    /// Whether tags find their own descriptions; `None` where few have any.
    tags_tell: Option<bool>,
}

impl Probes {
    /// The datasets that are asked for, by language: some of those with a name and a description, spread over the catalogue.
    pub fn samples(texts: &[Text]) -> Samples {
        Script::ALL.map(|script| {
            let is_asked = |text: &Text| {
                Script::of(text) == script
                    && !text.title.trim().is_empty()
                    && text.description.chars().count() >= SHORTEST
                    && text.description != text.title
            };
            let all: Vec<u32> =
                (0..texts.len()).filter(|item| is_asked(&texts[*item])).map(|item| item as u32).collect();
            spread(&all)
        })
    }

    /// Whether there are enough of a language to judge by.
    pub fn can_judge(samples: &Samples, script: Script) -> bool {
        samples[script as usize].len() >= FEW
    }

    /// Judges a model by its `vectors` of the [fields](Probe::fields) of the `samples`, one after the other; `unknown` tells
    /// what share of the tokens of some texts it does not know.
    ///
    /// # Errors
    /// Those of `unknown`.
    pub fn new(
        texts: &[Text],
        samples: &Samples,
        vectors: &[&[f32]],
        expected: Expected,
        unknown: &dyn Fn(&[&str]) -> Result<f32>,
    ) -> Result<Self> {
        let mut from = 0;
        let mut probes = Vec::new();
        for (script, sample) in Script::ALL.into_iter().zip(samples) {
            let vectors = &vectors[from..from + Probe::FIELDS * sample.len()];
            from += vectors.len();
            let of_script: Vec<&Text> = texts.iter().filter(|text| Script::of(text) == script).collect();
            if of_script.is_empty() {
                continue;
            }
            let said: Vec<&str> =
                spread(&of_script).iter().flat_map(|text| [text.title.as_str(), text.description.as_str()]).collect();
            let sample: Vec<&Text> = sample.iter().map(|item| &texts[*item as usize]).collect();
            probes.push(Probe::new(script, &sample, vectors, expected, unknown(&said)?));
        }
        Ok(Self(probes))
    }

    /// How much a model counts of 1 before any visitor tells: where it is of use, as names and descriptions say.
    pub fn weight(&self) -> f32 {
        let of_use: Vec<&Probe> = self.0.iter().filter(|probe| probe.weight > 0.0).collect();
        let judged: usize = of_use.iter().map(|probe| probe.asked).sum();
        match (of_use.is_empty(), judged) {
            (true, _) => 0.0,
            (_, 0) => UNSEEN.1,
            _ => of_use.iter().map(|probe| probe.weight * probe.asked as f32).sum::<f32>() / judged as f32,
        }
    }

    /// Whether the model is of use for datasets of a language.
    pub fn is_of_use(&self, script: Script) -> bool {
        self.0.iter().any(|probe| probe.script == script && probe.weight > 0.0)
    }

    /// Whether tags say enough to be read alone: wherever that could be judged.
    pub fn tags_tell(&self) -> bool {
        let judged: Vec<bool> = self.0.iter().filter_map(|probe| probe.tags_tell).collect();
        !judged.is_empty() && judged.iter().all(|tell| *tell)
    }

    /// What was found, in a sentence for each language.
    pub fn told(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|probe| {
            let (name, [words, model, both]) = (probe.script.name(), probe.figures);
            match (probe.asked, probe.weight > 0.0) {
                (0, true) => t!(
                    "{name}: too few descriptions to judge the model by; it knows the tokens",
                    "{name}：描述太少，无从评判模型；词元它都认识"
                ),
                (0, false) => t!(
                    "{name}: the model does not know {:.0} % of the tokens and is left out",
                    "{name}：模型不认识 {:.0}% 的词元，不采用",
                    100.0 * probe.unknown
                ),
                (asked, true) => t!(
                    "{name}: {asked} names find their descriptions with NDCG {words:.3} by words, {model:.3} by the model, {both:.3} by both",
                    "{name}：{asked} 个名称找到自己描述的 NDCG：词面 {words:.3}，模型 {model:.3}，合用 {both:.3}"
                ),
                (asked, false) => t!(
                    "{name}: {asked} names find their descriptions with NDCG {words:.3} by words, {model:.3} by the model, which adds nothing and is left out",
                    "{name}：{asked} 个名称找到自己描述的 NDCG：词面 {words:.3}，模型 {model:.3}；模型没有增益，不采用"
                ),
            }
        })
    }
}

impl Probe {
    /// How many fields are read apart.
    const FIELDS: usize = 3;

    /// The fields that are read apart: name, tags, description.
    pub fn fields(text: &Text) -> [String; Self::FIELDS] {
        [text.title.clone(), listed_tags(text), text.description.clone()]
    }

    fn new(script: Script, sample: &[&Text], vectors: &[&[f32]], expected: Expected, unknown: f32) -> Self {
        let blank = Self { script, weight: 0.0, asked: 0, figures: [0.0; 3], unknown, tags_tell: None };
        if sample.len() < FEW {
            return Self { weight: if unknown <= UNKNOWN { UNSEEN.1 } else { 0.0 }, ..blank };
        }
        let width = vectors[0].len();
        let field = |field: usize| {
            centred(width, vectors.iter().skip(field).step_by(Self::FIELDS).flat_map(|v| v.iter().copied()).collect())
        };
        let (names, tags, descriptions) = (field(0), field(1), field(2));
        let apart = |of: &dyn Fn(&Text) -> Text| sample.iter().map(|text| of(text)).collect::<Vec<Text>>();
        let mut both = apart(&|text| Text { title: text.title.clone(), ..Text::default() });
        both.extend(apart(&|text| Text { description: text.description.clone(), ..Text::default() }));
        let words = embed::words(&both);
        let count = sample.len();
        // for each name what its own description gains at each weight of the model
        let gains: Vec<Vec<f64>> = (0..count)
            .into_par_iter()
            .map(|name| {
                let lexical = words.cosines(name, count..2 * count);
                let dense = cosines(names.row(name), &descriptions);
                MODEL
                    .iter()
                    .map(|weight| gain(name, lexical.iter().zip(&dense).map(|(w, m)| (1.0 - weight) * w + weight * m)))
                    .collect()
            })
            .collect();
        let none = MODEL.iter().position(|weight| *weight == 0.0).unwrap_or_default();
        let given = MODEL.iter().position(|weight| *weight == expected.weight()).unwrap_or_default();
        let away_from = |place: usize| move |tried: usize| (MODEL[tried] - MODEL[place]).abs();
        let place = match expected {
            // only what is more than chance speaks for a model
            Expected::Half if chosen(&gains, away_from(none)) == none => none,
            Expected::Half => chosen(&gains, away_from(given)),
            Expected::Fifth => {
                let beside_none: Vec<Vec<f64>> = gains.iter().map(|of| vec![of[given], of[none]]).collect();
                let or_more: Vec<Vec<f64>> = gains.iter().map(|of| of[given..].to_vec()).collect();
                let takes_away = chosen(&beside_none, |place| place as f32) == 1;
                if takes_away { none } else { given + chosen(&or_more, |place| place as f32) }
            }
        };
        let mean = |place: usize| gains.iter().map(|of| of[place]).sum::<f64>() / count as f64;
        let alone = MODEL.len() - 1;
        let tagged: Vec<usize> = (0..count).filter(|item| !sample[*item].tags.is_empty()).collect();
        let found = |fields: &Vectors| {
            let of = |item: &usize| gain(*item, cosines(fields.row(*item), &descriptions).into_iter());
            tagged.par_iter().map(of).collect::<Vec<f64>>().iter().sum::<f64>()
        };
        let tags_tell = (tagged.len() >= FEW).then(|| found(&tags) >= TELLING * found(&names));
        Self { weight: MODEL[place], asked: count, figures: [mean(none), mean(alone), mean(place)], tags_tell, ..blank }
    }
}

/// As many of some as are asked for, spread over all.
fn spread<T: Copy>(all: &[T]) -> Vec<T> {
    let count = all.len().min(MOST);
    (0..count).map(|place| all[place * all.len() / count]).collect()
}

/// What the place of its own description is worth to a name.
fn gain(own: usize, likeness: impl Iterator<Item = f32>) -> f64 {
    let likeness: Vec<f32> = likeness.collect();
    let is_above =
        |other: &usize| *other != own && likeness[*other].partial_cmp(&likeness[own]) != Some(Ordering::Less);
    discount((0..likeness.len()).filter(is_above).count())
}

fn cosines(one: Row<'_>, others: &Vectors) -> Vec<f32> {
    (0..others.len()).map(|other| dot(one, others.row(other))).collect()
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const WIDTH: usize = 16;

    /// Datasets whose descriptions repeat their names, or say the same in other words.
    fn catalogue(count: usize, repeats: bool) -> Vec<Text> {
        let told = |k| if repeats { format!("tells of name{k} of{k}") } else { format!("something else said{k} here") };
        described(count, told)
    }

    fn described(count: usize, told: impl Fn(usize) -> String) -> Vec<Text> {
        let text = |k: usize| Text {
            title: format!("name{k} of{k}"),
            tags: "common".to_owned(),
            provider: String::new(),
            description: told(k),
        };
        (0..count).map(text).collect()
    }

    /// A model that knows which fields are of one dataset, or nothing.
    fn judged(texts: &[Text], knows: bool, unknown: f32, expected: Expected) -> Probes {
        let mut random = SmallRng::seed_from_u64(7);
        let samples = Probes::samples(texts);
        let mut vectors: Vec<Vec<f32>> = Vec::new();
        for _ in samples.iter().flatten() {
            let mut one = || (0..WIDTH).map(|_| random.random::<f32>() - 0.5).collect::<Vec<f32>>();
            let own = one();
            vectors.extend([own.clone(), vec![0.5; WIDTH], if knows { own } else { one() }]);
        }
        let vectors: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        Probes::new(texts, &samples, &vectors, expected, &|_| Ok(unknown)).expect("tokens")
    }

    #[test]
    fn a_model_counts_where_it_finds_what_words_do_not() {
        for (knows, repeats, is_of_use) in [(true, false, true), (false, true, false), (true, true, false)] {
            let probes = judged(&catalogue(200, repeats), knows, 0.0, Expected::Half);
            let case = format!("knows {knows}, repeats {repeats}: {}", probes.weight());
            assert_eq!(probes.is_of_use(Script::Letters), is_of_use, "{case}");
            assert_eq!(probes.weight() >= UNSEEN.1, is_of_use, "{case}");
            // tags that are the same everywhere find nothing; of a model that knows nothing neither do names
            assert!(!knows || !probes.tags_tell(), "{case}");
            assert!(!probes.is_of_use(Script::Chinese), "there is nothing in Chinese");
        }
    }

    #[test]
    fn what_the_program_carries_counts_where_it_takes_nothing_away() {
        // one more description says half of what a name does, so that a little makes the difference
        let half = described(200, |k| format!("tells of name{k} of{}", (k + 1) % 200));
        let cases = [
            (true, &catalogue(200, true), 0.2..=0.2),
            (true, &catalogue(200, false), 0.2..=1.0),
            (true, &half, 0.2..=1.0),
            (false, &half, 0.0..=0.0),
        ];
        for (case, (knows, texts, counts)) in cases.into_iter().enumerate() {
            let weight = judged(texts, knows, 0.0, Expected::Fifth).weight();
            assert!(counts.contains(&weight), "case {case}: {weight}");
        }
    }

    #[test]
    fn with_few_descriptions_a_model_counts_where_it_knows_the_tokens() {
        let few = catalogue(FEW - 1, true);
        for (unknown, weight) in [(0.0, UNSEEN.1), (0.3, 0.0)] {
            let probes = judged(&few, false, unknown, Expected::Half);
            assert!((probes.weight() - weight).abs() < 1e-6);
            assert_eq!(probes.told().count(), 1);
        }
    }
}
