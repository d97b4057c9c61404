"""A small network of PyTorch's over pictures, which tells MLflow how its training goes."""

import cloudpickle
import mlflow
import mlflow.pytorch
import torch
from mlflow.utils.environment import _mlflow_conda_env
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.nn import functional

torch.manual_seed(1)
digits = load_digits()
images = torch.tensor(digits.images[:256], dtype=torch.float32) / 16
loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(images, torch.tensor(digits.target[:256])), batch_size=64, shuffle=True
)


class Net(nn.Module):
    """One layer of each kind."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, 1)
        self.fc1 = nn.Linear(4 * 3 * 3, 10)

    def forward(self, x):
        """Return how probable each digit is, as logarithms."""
        x = functional.max_pool2d(functional.relu(self.conv1(x.view(-1, 1, 8, 8))), 2, 2)
        return functional.log_softmax(self.fc1(x.view(-1, 4 * 3 * 3)), dim=1)


def train(model, optimizer):
    """Go over all pictures once, and return the mean loss."""
    total = 0.0
    for data, target in loader:
        optimizer.zero_grad()
        loss = functional.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        mlflow.log_metric("epoch_loss", loss.item())
        total += loss.item()
    return total / len(loader)


def driver():
    """Train in a run, keep the model there, and return the run."""
    deps = [f"cloudpickle=={cloudpickle.__version__}", f"torch=={torch.__version__}"]
    with mlflow.start_run() as run:
        model = Net()
        optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
        for _ in range(2):
            mlflow.log_metric("average_loss", train(model, optimizer))
        # MLflow 3 asks for an example of the input, or for the way in which models were kept before.
        model_env = _mlflow_conda_env(additional_pip_deps=deps)
        mlflow.pytorch.log_model(model, "model", conda_env=model_env, serialization_format="pickle")
    return run


if __name__ == "__main__":
    driver()
