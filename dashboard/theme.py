"""What has which colour on every page: sigmoid with its BCE, softmax with its CCE."""

from experiments.charts import style

SIGMOID = BCE = style.BLUE
SOFTMAX = CCE = style.VERMILLION
MARK = style.GREY
