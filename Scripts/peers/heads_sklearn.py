"""Pairs on frozen features with scikit-learn's OneVsOneClassifier, a process a core."""

import warnings

import job
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.multiclass import OneVsOneClassifier

options = job.arguments(["logistic", "sgd"])
rows = job.features(options.features)
if options.kind == "logistic":
    # Trained by L-BFGS on all rows at once, so not the same job, but the same question.
    estimator = LogisticRegression(max_iter=100)
else:
    estimator = SGDClassifier(
        loss="log_loss", max_iter=job.HEAD_EPOCHS, tol=None, random_state=options.seed
    )
warnings.filterwarnings("ignore")
classifier = OneVsOneClassifier(estimator, n_jobs=options.threads)
# Starts the processes.
classifier.fit(rows.train[:500], rows.labels[:500])
seconds, fitted = job.timed(lambda: classifier.fit(rows.train, rows.labels))
figure = job.head_figure(options, rows, seconds, None)
accuracy = float((fitted.predict(rows.test) == rows.test_labels).mean())
figure["accuracy"] = {"all_vs_all": round(accuracy, 4)}
job.report(figure)
