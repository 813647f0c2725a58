"""Written by scripts/tables.py."""

from summable.core.errors import DataError as DataError
from summable.core.errors import FormulaError as FormulaError
from summable.core.errors import SourceError as SourceError
from summable.core.errors import SummableError as SummableError
from summable.core.errors import SummableWarning as SummableWarning
from summable.core.errors import Unsupported as Unsupported
from summable.core.run import Ledger as Ledger
from summable.core.run import Round as Round
from summable.core.run import run as run
from summable.maths import families as families
from summable.maths import links as links
from summable.maths.network import Network as Network
from summable.models.base import load as load
from summable.models.comparison import cost as cost
from summable.models.describe import Description as Description
from summable.models.describe import describe as describe
from summable.models.discriminant import LinearDiscriminantAnalysis as LinearDiscriminantAnalysis
from summable.models.discriminant import QuadraticDiscriminantAnalysis as QuadraticDiscriminantAnalysis
from summable.models.generalized import GammaRegressor as GammaRegressor
from summable.models.generalized import LogisticRegression as LogisticRegression
from summable.models.generalized import PoissonRegressor as PoissonRegressor
from summable.models.generalized import TweedieRegressor as TweedieRegressor
from summable.models.glm import GeneralizedFit as GeneralizedFit
from summable.models.glm import glm as glm
from summable.models.kmeans import KMeans as KMeans
from summable.models.linear import LinearFit as LinearFit
from summable.models.linear import ols as ols
from summable.models.naive_bayes import GaussianNB as GaussianNB
from summable.models.pca import PCA as PCA
from summable.models.regression import LinearRegression as LinearRegression
from summable.models.regression import Ridge as Ridge
from summable.models.several import LinearFits as LinearFits
from summable.models.train import train as train
from summable.models.trained import Trained as Trained
from summable.open import Dataset as Dataset
from summable.open import engine as engine
from summable.open import scan as scan
from summable.solvers.optimum import Outcome as Outcome

__version__: str
PUBLIC: dict[str, str]
ROOMS: dict[str, str]
__all__: list[str]
