//! What a candidate is judged by: each feature once, with its name, its meaning and the channel that says it.
//!
//! A ranker on disk splits by the number of a feature, so their order is part of a version's form: new ones come last.

/// The most candidates of one list.
pub const CANDIDATES: usize = 192;

/// A way to find candidates, told by its features: for the figure of each one alone, and of the whole without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// What visitors of the page went on to.
    Behaviour,
    /// What they could have gone on to in two steps; a part of [`Self::Behaviour`].
    Graph,
    /// Past visits like this one, and what goes with its earlier pages.
    Sessions,
    /// What is alike in words, tags and provider.
    Content,
    /// What is alike in pictures.
    Visual,
    /// What lists on the page were clicked for.
    Lists,
    /// What lies near a known user's earlier visits.
    Taste,
    /// What is viewed most.
    Popular,
}

impl Channel {
    /// All of them, as reports list them.
    pub const ALL: [Self; 8] = [
        Self::Behaviour,
        Self::Graph,
        Self::Sessions,
        Self::Content,
        Self::Visual,
        Self::Lists,
        Self::Taste,
        Self::Popular,
    ];

    /// What reports, experiments (`{name}_weight`) and `summary.json` call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Behaviour => "behaviour",
            Self::Graph => "graph",
            Self::Sessions => "sessions",
            Self::Content => "content",
            Self::Visual => "visual",
            Self::Lists => "lists",
            Self::Taste => "taste",
            Self::Popular => "popular",
        }
    }

    /// Whether what `other` says is also this one's to say.
    pub fn includes(self, other: Self) -> bool {
        self == other || (self == Self::Behaviour && other == Self::Graph)
    }
}

/// Defines [`Feature`] by a row each: its sentence, variant, name on disk, and channel.
macro_rules! features {
    ($(#[doc = $sentence:literal] $feature:ident $name:literal $(of $channel:ident)?;)+) => {
        /// What a candidate is judged by; `recommend::features` works them out, for training and for serving alike.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Feature {
            $(#[doc = $sentence] $feature,)+
        }

        impl Feature {
            /// All of them, in the order of their numbers.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$feature),+];

            /// What a ranker on disk calls it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$feature => $name,)+
                }
            }

            /// What it is, in a sentence.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$feature => $sentence.trim_ascii(),)+
                }
            }

            /// The channel that says it; `None` for what is known of the page or the visit, and for what sums up others.
            pub const fn channel(self) -> Option<Channel> {
                match self {
                    $(Self::$feature => features!(@channel $($channel)?),)+
                }
            }
        }
    };
    (@channel) => { None };
    (@channel $channel:ident) => { Some(Channel::$channel) };
}

features! {
    /// How often visitors of the page went on to it by themselves (`behaviour_neighbours`).
    Organic "organic" of Behaviour;
    /// Two steps of `organic`.
    Walk "walk" of Graph;
    /// Cosine of the vectors of behaviour: both are met with the same datasets.
    Kinship "kinship" of Graph;
    /// How often visitors of the page went on to it from a list.
    Followed "followed" of Behaviour;
    /// `organic` the other way round.
    Reverse "reverse" of Behaviour;
    /// Cosine of the texts' words, less where the candidate's text is like many others.
    Lexical "lexical" of Content;
    /// Cosine of the texts' dense vectors.
    Dense "dense" of Content;
    /// Cosine of the tags, rare ones counting more.
    Tags "tags" of Content;
    /// 1 where both are of one provider, else 0.
    SameProvider "same_provider" of Content;
    /// ln(1 + its views).
    Popularity "popularity" of Popular;
    /// ln(1 + its views, which halve every three weeks).
    RecentPopularity "recent_popularity" of Popular;
    /// ln(1 + the page's views).
    PagePopularity "page_popularity";
    /// How much past visits like this one hold it, as a share of the best.
    Session "session" of Sessions;
    /// `organic` and `walk` from the pages before, later ones counting more.
    PrefixBehaviour "trail_behaviour" of Sessions;
    /// Cosine of the vectors of behaviour with the pages before, later ones counting more.
    PrefixKinship "trail_kinship" of Sessions;
    /// Cosine of the texts' dense vectors with the pages before, later ones counting more.
    PrefixContent "trail_content" of Sessions;
    /// `organic` and `walk` from the last page before.
    LastBehaviour "last_behaviour" of Sessions;
    /// 1 where it was the last page before, 1/2 where it was the one before that, and so on; 0 where it was none.
    Seen "seen" of Sessions;
    /// How many pages were looked at before.
    PrefixLength "trail_length";
    /// Cosine of the texts' dense vectors with what the known user looked at on earlier visits.
    Taste "taste" of Taste;
    /// What hand-made weights make of the others: see [`PRIOR_WEIGHTS`].
    Prior "prior";
    /// ln(1 + its rank by `prior` among all candidates, from 0).
    PriorRank "prior_rank";
    /// ln(1 + its rank by `content`).
    ContentRank "content_rank" of Content;
    /// ln(1 + its rank by `tag_popularity`).
    TagRank "tag_rank" of Content;
    /// `tags`, with a tenth for the same provider, times `popularity`.
    TagPopularity "tag_popularity" of Content;
    /// Difference of the logarithms of the prices; 0 where one has none.
    PriceGap "price_gap";
    /// `organic` from the datasets whose texts are most like the page's.
    Bridge "bridge" of Graph;
    /// ln(1 + how often it was the very next page, found by the visitor).
    NextOrganic "next_organic" of Behaviour;
    /// ln(1 + how often it was the very next page, from a list).
    NextFollowed "next_followed" of Behaviour;
    /// ln(1 + visits that hold both).
    Visits "visits" of Behaviour;
    /// How many clicks its positions in lists on the page would have brought any dataset.
    Examined "examined" of Lists;
    /// Its clicks in lists on the page, over what its positions there would have brought any dataset, one more of each.
    Lift "lift" of Lists;
    /// Cosine of the vectors of pictures.
    Pictures "pictures" of Visual;
    /// `lexical` and `dense`, weighed as for this catalogue.
    Content "content" of Content;
    /// How often in this visit the page was come to straight from it.
    LedHere "led_here" of Sessions;
    /// 1 where one page lies between this view of the page and the last one of the visit, 1/2 where two do; 0 where it is new.
    Again "again";
}

impl Feature {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// What it counts in the prior; 0 for what does not.
    pub fn prior_weight(self) -> f32 {
        PRIOR_WEIGHTS.iter().find(|(feature, _)| *feature == self).map_or(0.0, |(_, weight)| *weight)
    }
}

/// Hand-made weights: they order candidates where there is too little traffic to learn from, and choose those that a dataset
/// keeps. Set once on the world of docs/quality.md, in the order of what each channel finds alone there; a ranker that was
/// learned gains 0.03 of HR@10 over them. The order of the rows is that of the sum, which is not the same to the bit in another.
pub const PRIOR_WEIGHTS: [(Feature, f32); 11] = [
    // shares of a page's visitors, for the strongest evidence there is: one or two steps that nobody suggested
    (Feature::Organic, 2.0),
    (Feature::Walk, 2.0),
    // a list made visitors go there: half as good
    (Feature::Followed, 1.0),
    // lent by other pages: a tenth
    (Feature::Bridge, 0.2),
    // cosines are large for many: they decide where there is no step
    (Feature::Kinship, 0.05),
    // logarithms of up to ten: a tie-breaker among pages of one kind, and the weaker among all
    (Feature::TagPopularity, 0.004),
    (Feature::Popularity, 0.0004),
    // a sum over up to eight pages, each of which is further away than this one
    (Feature::PrefixBehaviour, 0.3),
    // a share of the best, so that the best counts as much as a small share of the page's visitors
    (Feature::Session, 0.05),
    (Feature::Seen, 0.05),
    // as weak as likeness of texts where it is not known to say more
    (Feature::Pictures, 0.01),
];

/// What [`Feature::Content`] counts in the prior where it is above 0: as much as a hundredth of a page's visitors, so that texts
/// decide only among what nobody went to.
pub const CONTENT_PRIOR_WEIGHT: f32 = 0.02;

/// What clicks for each expected one (`clicks / (1 + examined)`) count where training chooses the candidates that a dataset
/// keeps: as much as likeness of texts.
pub const CLICKS_PRIOR_WEIGHT: f32 = 0.02;

/// Features of up to [`CANDIDATES`] candidates, a column for each feature.
#[derive(Clone)]
pub struct Columns {
    values: Vec<[f32; CANDIDATES]>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { values: vec![[0.0; CANDIDATES]; Feature::COUNT] }
    }
}

impl Columns {
    /// A feature of all candidates.
    #[inline]
    pub fn column(&self, feature: Feature) -> &[f32; CANDIDATES] {
        &self.values[feature as usize]
    }

    /// A feature of all candidates, to be filled.
    #[inline]
    pub fn column_mut(&mut self, feature: Feature) -> &mut [f32; CANDIDATES] {
        &mut self.values[feature as usize]
    }

    /// The features of one candidate, in the order of [`Feature::ALL`].
    pub fn row(&self, candidate: usize) -> [f32; Feature::COUNT] {
        std::array::from_fn(|feature| self.values[feature][candidate])
    }

    /// A column by the number of its feature, as rankers have it.
    #[inline]
    pub(super) fn numbered(&self, feature: usize) -> &[f32; CANDIDATES] {
        &self.values[feature]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_disk_and_their_order_stay() {
        let names = Feature::ALL.map(Feature::name);
        assert_eq!(&names[..5], ["organic", "walk", "kinship", "followed", "reverse"]);
        assert_eq!(
            &names[13..20],
            ["trail_behaviour", "trail_kinship", "trail_content", "last_behaviour", "seen", "trail_length", "taste"]
        );
        assert_eq!(&names[33..], ["content", "led_here", "again"]);
        for (number, feature) in Feature::ALL.into_iter().enumerate() {
            assert_eq!(feature as usize, number);
            assert!(feature.sentence().ends_with('.'), "{}", feature.name());
        }
    }

    #[test]
    fn every_channel_says_something() {
        for channel in Channel::ALL {
            assert!(Feature::ALL.iter().any(|feature| feature.channel() == Some(channel)), "{}", channel.name());
        }
    }
}
