"""What each figure of a diagnosis is: a sentence for the page, one click away."""

FIGURES = {
    "accuracy": "The share of rows whose most probable class is the label; where rows may have "
    "several labels, the share of yes-no answers that are right.",
    "base_rate": "The loss of predicting the class frequencies for every row: the entropy of the "
    "labels, in bits per row.",
    "bits": "Surprise: −log2 of the probability given to the label, in bits.",
    "binary": "The mean over rows of the sum over classes of −t log p − (1 − t) log(1 − p), in "
    "nats.",
    "brier": "The mean over rows of Σ (p − t)² over classes: 0 is best, 2 is worst.",
    "by_chance": "The accuracy that the same predictions would have in random order.",
    "categorical": "The mean of −log of the label's probability, in nats.",
    "class": "The class's number, counted from 0.",
    "classes": "How many classes this applies to.",
    "columns": "How many columns of scores this applies to.",
    "confidence": "The mean probability of the class that is predicted.",
    "declared": "The mean loss in nats under the loss that was declared.",
    "distributions": "How many rows have no negative score and sum to 1.",
    "distinct": "How many different rows of scores there are.",
    "divergence": "KL(t‖p): the loss minus the entropy of the labels, in nats. Learning can lower "
    "only this.",
    "doubt": "1 − the probability of the predicted class; it is smaller in these rows.",
    "drawn": "How many rows of these classes were drawn, to look at what they are predicted as.",
    "ece": "Expected calibration error: over 15 bins of confidence, the mean of |share right − "
    "mean confidence|, weighted by rows.",
    "elsewhere": "How many rows of these classes are predicted as the class whose column they seem "
    "to have.",
    "expected": "The most of these rows to expect wrong, if the scores at the fitted temperature "
    "mean what they say.",
    "fitting": "The mean loss in nats under the loss that fits.",
    "float16": "The share of rows on which the textbook formula, −log(e^z/Σe^z), gives inf, NaN or "
    "0 in float16.",
    "float32": "The same in float32.",
    "float64": "The same in float64.",
    "floor": "The lowest mean loss in nats that this mistake, or these labels, allow.",
    "high": "The upper end: the true share is never above it.",
    "highest": "The highest score.",
    "inside [0, 1]": "The share of rows whose scores all lie from 0 to 1.",
    "label": "The label's number, counted from 0.",
    "labels": "How many rows have the class as their label.",
    "level": "The mean of the last quarter of the losses, in nats.",
    "logsumexp 0": "The share of rows with log Σe^score = 0, as log-probabilities have.",
    "loss": "The mean loss of a row: −log of the label's probability; where rows may have several "
    "labels, summed over classes.",
    "loss_after": "The mean loss in nats with logits divided by the best temperature.",
    "loss_at_offset": "The mean loss in nats with slope and offset applied.",
    "loss_at_temperature": "The mean loss in nats at the best temperature, without an offset.",
    "low": "The lower end: the true share is never below it.",
    "moved": "Half of Σ |predicted share − share of labels|: the probability on the wrong classes.",
    "noise": "The share of random labels with which the scores fit best.",
    "one 1 and zeros": "The share of rows that hold a single 1 and zeros.",
    "offset": "What is added to the logit, multiplied by the slope, for the smallest loss.",
    "offset_high": "The upper end of the 95 % interval of the offset.",
    "offset_low": "The lower end of the 95 % interval of the offset.",
    "otherwise brier": "The Brier score if the scores were read the other way.",
    "otherwise ece": "The calibration error if the scores were read the other way.",
    "otherwise loss": "The mean loss in nats if the scores were read the other way.",
    "outside": "Of labels: how many lie just outside 0…K − 1. Of scores: how many rows lie outside "
    "[0, 1].",
    "own": "How many rows of these classes are predicted as their own class.",
    "p_value": "If the scores mean what they say, contradictions this strong or stronger have at "
    "most this probability.",
    "predicted": "Of a pair: the predicted class's number. Of frequencies: the sum of the "
    "probabilities of the class.",
    "repeats": "About how many rows have the same scores as an earlier one.",
    "rows": "How many rows this applies to.",
    "saved": "Base rate minus loss, in bits per row: what the model knows beyond the class "
    "frequencies.",
    "share": "The share of rows this applies to.",
    "share_high": "The upper end of the 95 % interval of the share that occurs more than once.",
    "share_low": "The lower end of the 95 % interval of the share that occurs more than once.",
    "shifted": "The accuracy with the step added to each label.",
    "sigmoid": "Σ |p − y| of the class's negatives, over that of its positives, under sigmoid and "
    "binary cross-entropy.",
    "slope": "What the logit is multiplied by, before the offset is added.",
    "slope_high": "The upper end of the 95 % interval of the slope.",
    "slope_low": "The lower end of the 95 % interval of the slope.",
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
    "temperature": "Dividing the logits by it gives the smallest loss. Above 1 the model is "
    "overconfident, below 1 underconfident.",
    "usual_float32": "The share of rows on which m + log Σe^(z − m) − z is off by more than 1 % in "
    "float32.",
    "usual_float64": "The same in float64.",
    "wrong": "How many of these rows have a label other than the predicted class.",
}
FLOORS = {
    "softmax of probabilities": "ln(1 + (K − 1)/e): probabilities under a loss that applies "
    "softmax.",
    "equal scores": "ln K, or K ln 2 where rows may have several labels: all scores equal.",
    "class frequencies": "The entropy of the labels: their frequencies, whatever the input.",
    "label frequencies": "The summed entropies of the labels: the frequency of each, whatever the "
    "input.",
    "soft labels": "The mean entropy of the soft labels.",
    "label smoothing": "The entropy of the smoothed targets.",
}
LEDGER = {
    "row": "Counted from 0, through all files.",
    "label": "The true class; where rows may have several labels, the class that cost the row "
    "most.",
    "predicted": "The most probable class.",
    "surprise": "−log2 of the label's probability, in bits.",
    "label_probability": "The probability given to the label.",
    "confidence": "The probability of the predicted class.",
}
