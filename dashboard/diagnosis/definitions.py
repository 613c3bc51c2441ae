"""What each figure of a diagnosis is: a sentence for the page, one click away."""

FIGURES = {
    "accuracy": "The share of rows whose most probable class is the label; where labels may hold "
    "at once, the share of answers that are right.",
    "base_rate": "What the class frequencies alone would cost: the entropy of the labels, in bits "
    "a row.",
    "bits": "Surprise: −log2 of the probability that the label was given, in bits.",
    "binary": "The mean over rows of the sum over classes of −t log p − (1 − t) log(1 − p), in "
    "nats.",
    "brier": "The mean over rows of Σ (p − t)² over classes: 0 is best, 2 is worst.",
    "by_chance": "The accuracy of predictions that are as frequent and know nothing of the labels.",
    "categorical": "The mean of −log of the label's probability, in nats.",
    "class": "The class's number, counted from 0.",
    "classes": "How many classes it is true of.",
    "columns": "How many columns of scores it is true of.",
    "confidence": "The mean probability of the class that is predicted.",
    "declared": "The mean loss in nats under the loss that was declared.",
    "distributions": "How many rows are not negative and sum to 1.",
    "distinct": "How many different rows of scores there are.",
    "divergence": "KL(t‖p): the loss less the entropy of the labels, in nats. Only this can be "
    "learned.",
    "doubt": "1 − the probability of the predicted class; these rows have less.",
    "ece": "Expected calibration error: over 15 bins of confidence, the mean of |share right − "
    "mean confidence|, weighted by rows.",
    "elsewhere": "How often rows of these classes are predicted as the class they seem to have "
    "been swapped with.",
    "expected": "How many of these rows may be wrong at most if the scores mean what they say, at "
    "the fitted temperature.",
    "fitting": "The mean loss in nats under the loss that fits.",
    "float16": "The share of rows on which −log(e^z/Σe^z), written out, is inf, NaN or 0 in "
    "float16.",
    "float32": "The same in float32.",
    "float64": "The same in float64.",
    "floor": "The least mean loss in nats that this mistake, or these labels, leave.",
    "high": "The upper end: the true share is below it for certain.",
    "highest": "The highest score.",
    "inside [0, 1]": "The share of rows whose scores all lie from 0 to 1.",
    "label": "The label's number, counted from 0.",
    "labels": "How many rows have the class as their label.",
    "level": "The mean of the last quarter of the losses, in nats.",
    "logsumexp 0": "The share of rows with log Σe^score = 0, as log-probabilities have.",
    "loss": "The mean loss of a row: −log of the label's probability; where labels may hold at "
    "once, summed over classes.",
    "loss_after": "The mean loss in nats with logits divided by the temperature of least loss.",
    "low": "The lower end: the true share is above it for certain.",
    "moved": "Half of Σ |predicted share − share of labels|: the probability on the wrong classes.",
    "noise": "The share of labels that, replaced by any class, makes the scores fit best.",
    "one 1 and zeros": "The share of rows that are a 1 and zeros.",
    "otherwise brier": "The Brier score if the scores were read the other way.",
    "otherwise ece": "The calibration error if the scores were read the other way.",
    "otherwise loss": "The mean loss in nats if the scores were read the other way.",
    "outside": "Of labels: how many lie just outside 0…K − 1. Of scores: how many rows lie outside "
    "[0, 1].",
    "own": "How often rows of these classes are predicted as their own.",
    "p_value": "How likely contradictions at least as strong are if the scores mean what they say, "
    "at most.",
    "predicted": "Of a pair: the predicted class's number. Of frequencies: the sum of the "
    "probabilities of the class.",
    "repeats": "About how many rows have the same scores as an earlier one.",
    "rows": "How many rows it is true of.",
    "saved": "Base rate less loss, in bits a row: what the model knows beyond how frequent the "
    "classes are.",
    "share": "The share of rows it is true of.",
    "share_high": "The upper end of the 95 % interval of the share that comes more than once.",
    "share_low": "The lower end of the 95 % interval of the share that comes more than once.",
    "shifted": "The accuracy with the step added to each label.",
    "sigmoid": "Σ |p − y| of the class's negatives, over that of its positives, under sigmoid and "
    "binary cross-entropy.",
    "own temperature": "The same, fitted on the rows that are diagnosed.",
    "sigmoid + binary": "The mean loss in nats if a sigmoid is applied first, then binary "
    "cross-entropy.",
    "softmax": "Σ |p − y| of the class's negatives, over that of its positives, under softmax and "
    "categorical cross-entropy.",
    "softmax + categorical": "The mean loss in nats if softmax is applied first, then categorical "
    "cross-entropy.",
    "step": "What was added to each label.",
    "sum to 1": "The share of rows inside [0, 1] that sum to 1 within 0.005.",
    "sum to 1 as exactly as the dtype can": "The share of rows that sum to 1 within rounding of "
    "their dtype.",
    "temperature": "Logits divided by it cost least. Above 1 the model is overconfident, below 1 "
    "underconfident.",
    "usual_float32": "The share of rows on which m + log Σe^(z − m) − z is off by more than 1 % in "
    "float32.",
    "usual_float64": "The same in float64.",
    "wrong": "How many of these rows have another label than is predicted.",
}
FLOORS = {
    "softmax of probabilities": "ln(1 + (K − 1)/e): probabilities in a loss that applies softmax.",
    "equal scores": "ln K, or K ln 2 where labels may hold at once: the same score for all.",
    "class frequencies": "The entropy of the labels: the class frequencies, and nothing of the "
    "input.",
    "label frequencies": "The summed entropies of the labels: how frequent each is, and nothing of "
    "the input.",
    "soft labels": "The mean entropy of the soft labels.",
    "label smoothing": "The entropy of the smoothed targets.",
}
LEDGER = {
    "row": "Counted from 0, through all files.",
    "label": "The class that is true; where labels may hold at once, the one that cost the row "
    "most.",
    "predicted": "The most probable class.",
    "surprise": "−log2 of the label's probability, in bits.",
    "label_probability": "What the label was given.",
    "confidence": "The probability of what is predicted.",
}
