//! Words that tell nothing of a dataset: too common in a language, or in catalogues.

/// English and Chinese words so common that they tell nothing of a dataset.
#[rustfmt::skip]
pub(super) const COMMON: &[&str] = &[
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "both", "but", "by",
    "can", "data", "dataset", "datasets", "each", "for", "from", "has", "have", "how", "i", "if", "in",
    "including", "into", "is", "it", "its", "may", "more", "most", "not", "of", "on", "one", "or", "other",
    "our", "over", "s", "such", "than", "that", "the", "their", "them", "there", "these", "they", "this",
    "to", "two", "use", "used", "using", "was", "we", "were", "which", "while", "who", "will", "with", "you",
    "your", "的", "了", "和", "与", "及", "等", "在", "为", "数", "据", "数据", "集", "据集", "数集",
];

/// French words that tell nothing of a dataset.
pub(super) const FRENCH: &[&str] = &[
    "au", "aux", "avec", "ce", "ces", "cette", "chaque", "comme", "d", "dans", "de", "des", "donnees", "données", "du",
    "elle", "en", "entre", "est", "et", "il", "ils", "jeu", "jeux", "l", "la", "le", "les", "leur", "leurs", "lors",
    "mais", "ne", "nous", "on", "ou", "où", "par", "pas", "plus", "pour", "qu", "que", "qui", "s", "sa", "se", "ses",
    "son", "sont", "sous", "sur", "tous", "tout", "toutes", "un", "une", "vous", "à", "été", "être", "y", "aussi",
    "ainsi", "afin", "très",
];
