"""What is easy: hashed n-grams of characters and words, and logistic regression."""

import numpy as np
from scipy.sparse import hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

LEARNED, SCORED = 1500, 6000  # characters of a text


class Baseline:
    def __init__(self):
        self.parts = [
            HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=1 << 18, alternate_sign=False),
            HashingVectorizer(analyzer="word", ngram_range=(1, 2), n_features=1 << 18, alternate_sign=False),
        ]
        self.model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=6, tol=None, random_state=1, class_weight="balanced")

    def _vectors(self, texts, most):
        texts = [t[:most] for t in texts]
        return hstack([part.transform(texts) for part in self.parts], format="csr")

    def learn(self, rows):
        self.model.fit(self._vectors([r["text"] for r in rows], LEARNED), np.array([r["label"] for r in rows]))

    def scores(self, rows):
        return self.model.decision_function(self._vectors([r["text"] for r in rows], SCORED)).astype(np.float32)
