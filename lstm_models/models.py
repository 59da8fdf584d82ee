"""Every model by its name."""

from lstm_models.gru import GRUS, RNN
from lstm_models.peephole import PEEPHOLE
from lstm_models.picture import PICTURE as PICTURE_STACKED
from lstm_models.problem4 import PROBLEM4, ROWS
from lstm_models.sancho import SANCHO, STACKED
from lstm_models.slides import PICTURE, SLIDES
from lstm_models.vardhan import VARDHAN

MODELS = {
    model.name: model
    for model in (
        SLIDES, PICTURE, PICTURE_STACKED, VARDHAN, SANCHO, STACKED, PROBLEM4, ROWS, PEEPHOLE, *GRUS, RNN,
    )
}  # fmt: skip
