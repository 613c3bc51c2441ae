"""What has which colour on every page: sigmoid with its BCE, softmax with its CCE."""

from experiments.charts import style

SIGMOID = BCE = style.BLUE
SOFTMAX = CCE = style.VERMILLION
# Text in charts keeps the colour it was drawn with: a grey that shows on both themes.
MARK = INK = style.GREY
