"""Models as people know them: results under the names of statsmodels, estimators under those of scikit-learn."""
