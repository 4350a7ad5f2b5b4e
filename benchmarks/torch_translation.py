"""pix2pix' and CycleGAN's networks and training steps, stated plainly in PyTorch: what ours are measured and tested by.

The tensors have the names that published files have (junyanz/pytorch-CycleGAN-and-pix2pix, ``models/networks.py``);
steps are those of ``optimize_parameters`` of its two models, without a pool of old pictures.
"""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]


def batch(features: int) -> nn.Module:
    """As pix2pix has it."""
    return nn.BatchNorm2d(features)


def instance(features: int) -> nn.Module:
    """As CycleGAN has it."""
    return nn.InstanceNorm2d(features)


def instance_of_2017(features: int) -> nn.Module:
    """With running statistics, which the files of then hold."""
    return nn.InstanceNorm2d(features, track_running_stats=True)


def affine(features: int) -> nn.Module:
    """Of programs after it."""
    return nn.InstanceNorm2d(features, affine=True)


class Block(nn.Module):
    """A residual block; ``name`` is what the program calls its row of layers."""

    def __init__(self, features: int, norm: Norm, dropout: bool, name: str):
        super().__init__()
        bias = norm is not batch
        rows = [nn.ReflectionPad2d(1), nn.Conv2d(features, features, 3, bias=bias), norm(features), nn.ReLU()]
        rows += [nn.Dropout(0.5)] if dropout else []
        rows += [nn.ReflectionPad2d(1), nn.Conv2d(features, features, 3, bias=bias), norm(features)]
        self.name = name
        self.add_module(name, nn.Sequential(*rows))

    def forward(self, x: Tensor) -> Tensor:
        """The map and what the block adds to it."""
        return x + getattr(self, self.name)(x)


class Model(nn.Module):
    """A row of layers under a name."""

    def __init__(self, rows: Iterable[nn.Module], name: str = "model"):
        super().__init__()
        self.name = name
        self.add_module(name, nn.Sequential(*rows))

    def forward(self, x: Tensor) -> Tensor:
        """One after the other."""
        return getattr(self, self.name)(x)


class ResNet(Model):
    """The ResNet generator: ``model.{i}``."""

    def __init__(
        self,
        width: int = 3,
        blocks: int = 2,
        ins: int = 3,
        outs: int = 3,
        norm: Norm = instance,
        dropout: bool = False,
        name: str = "conv_block",
    ):
        bias = norm is not batch
        rows = [nn.ReflectionPad2d(3), nn.Conv2d(ins, width, 7, bias=bias), norm(width), nn.ReLU()]
        for own in (width, 2 * width):
            rows += [nn.Conv2d(own, 2 * own, 3, 2, 1, bias=bias), norm(2 * own), nn.ReLU()]
        rows += [Block(4 * width, norm, dropout, name) for _ in range(blocks)]
        for own in (4 * width, 2 * width):
            rows += [nn.ConvTranspose2d(own, own // 2, 3, 2, 1, 1, bias=bias), norm(own // 2), nn.ReLU()]
        super().__init__([*rows, nn.ReflectionPad2d(3), nn.Conv2d(width, outs, 7), nn.Tanh()])


class Level(nn.Module):
    """A level of the U-Net, with those inside of it; LeakyReLU and ReLU work in place, as there."""

    def __init__(
        self,
        outer: int,
        inner: int,
        norm: Norm,
        inside: nn.Module | None = None,
        ins: int | None = None,
        dropout: bool = False,
        outermost: bool = False,
    ):
        super().__init__()
        self.outermost = outermost
        bias = norm is not batch
        down = nn.Conv2d(ins or outer, inner, 4, 2, 1, bias=bias)
        up = nn.ConvTranspose2d(2 * inner if inside else inner, outer, 4, 2, 1, bias=bias or outermost)
        rows: list[nn.Module] = [down, *([inside] if inside else []), nn.ReLU(True), up]
        if outermost:
            rows += [nn.Tanh()]
        else:
            rows = [nn.LeakyReLU(0.2, True), *rows, norm(outer), *([nn.Dropout(0.5)] if dropout else [])]
            if inside:
                rows.insert(2, norm(inner))
        self.model = nn.Sequential(*rows)

    def forward(self, x: Tensor) -> Tensor:
        """What is inside, behind the map itself."""
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UNet(nn.Module):
    """The U-Net generator: ``model.model.{i}``."""

    def __init__(
        self, width: int = 2, halvings: int = 6, ins: int = 3, outs: int = 3, norm: Norm = batch, dropout: bool = False
    ):
        super().__init__()
        level = Level(8 * width, 8 * width, norm)
        for _ in range(halvings - 5):
            level = Level(8 * width, 8 * width, norm, level, dropout=dropout)
        for own in (4 * width, 2 * width, width):
            level = Level(own, 2 * own, norm, level)
        self.model = Level(outs, width, norm, level, ins=ins, outermost=True)

    def forward(self, x: Tensor) -> Tensor:
        """A picture to a picture."""
        return self.model(x)


class Patches(Model):
    """The discriminator of patches: ``model.{i}``."""

    def __init__(self, width: int = 3, layers: int = 3, ins: int = 6, norm: Norm = batch):
        rows, own = [nn.Conv2d(ins, width, 4, 2, 1), nn.LeakyReLU(0.2)], width
        for number in range(1, layers + 1):
            after, stride = width * min(2**number, 8), 2 if number < layers else 1
            rows += [nn.Conv2d(own, after, 4, stride, 1, bias=norm is not batch), norm(after), nn.LeakyReLU(0.2)]
            own = after
        super().__init__([*rows, nn.Conv2d(own, 1, 4, 1, 1)])


class EachPixel(Model):
    """The discriminator of pixels: ``net.{i}``."""

    def __init__(self, width: int = 3, ins: int = 6, norm: Norm = batch):
        bias = norm is not batch
        rows = [nn.Conv2d(ins, width, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 2 * width, 1, bias=bias)]
        rows += [norm(2 * width), nn.LeakyReLU(0.2), nn.Conv2d(2 * width, 1, 1, bias=bias)]
        super().__init__(rows, "net")


def _adam(nets: Iterable[nn.Module], rate: float = 2e-4) -> torch.optim.Adam:
    return torch.optim.Adam(itertools.chain(*(net.parameters() for net in nets)), rate, betas=(0.5, 0.999))


def _with_grad(nets: Iterable[nn.Module], on: bool) -> None:
    for parameter in itertools.chain(*(net.parameters() for net in nets)):
        parameter.requires_grad_(on)


def _judged(net: nn.Module, images: Tensor, is_real: bool, loss: nn.Module) -> tuple[Tensor, Tensor]:
    """A discriminator's loss, and its mean logit."""
    found = net(images)
    return loss(found, torch.full_like(found, float(is_real))), found.detach().mean()


class Pix2Pix:
    """``Pix2PixModel.optimize_parameters``."""

    def __init__(self, generator: nn.Module, critic: nn.Module):
        self.generator, self.critic = generator.train(), critic.train()
        self.adam, self.of_critic = _adam([self.generator]), _adam([self.critic])

    def step(self, before: Tensor, after: Tensor) -> dict[str, Any]:
        """Update both networks; named scalars."""
        loss = nn.BCEWithLogitsLoss()
        fake = self.generator(before)
        self.of_critic.zero_grad()
        on_fake, fake_logit = _judged(self.critic, torch.cat([before, fake.detach()], 1), False, loss)
        on_real, real_logit = _judged(self.critic, torch.cat([before, after], 1), True, loss)
        critic = (on_fake + on_real) * 0.5
        critic.backward()
        self.of_critic.step()
        _with_grad([self.critic], False)
        self.adam.zero_grad()
        adversarial, _ = _judged(self.critic, torch.cat([before, fake], 1), True, loss)
        pixels = nn.functional.l1_loss(fake, after)
        (adversarial + 100 * pixels).backward()
        self.adam.step()
        _with_grad([self.critic], True)
        told = {"adversarial": adversarial, "pixels": pixels, "critic": critic}
        return told | {"real_logit": real_logit, "fake_logit": fake_logit}


class CycleGAN:
    """``CycleGANModel.optimize_parameters``, without a pool."""

    def __init__(self, there: nn.Module, back: nn.Module, critics: Iterable[nn.Module]):
        self.there, self.back = there.train(), back.train()
        self.critics = [critic.train() for critic in critics]
        self.adam, self.of_critics = _adam([self.there, self.back]), _adam(self.critics)

    def step(self, before: Tensor, after: Tensor) -> dict[str, Any]:
        """Update all networks; named scalars."""
        loss, absolute = nn.MSELoss(), nn.functional.l1_loss
        fakes = self.there(before), self.back(after)
        again = self.back(fakes[0]), self.there(fakes[1])
        _with_grad(self.critics, False)
        self.adam.zero_grad()
        identity = absolute(self.there(after), after) + absolute(self.back(before), before)
        first, second = (_judged(net, fake, True, loss)[0] for net, fake in zip(self.critics, fakes, strict=True))
        cycle = absolute(again[0], before) + absolute(again[1], after)
        (first + second + 10 * cycle + 5 * identity).backward()
        self.adam.step()
        _with_grad(self.critics, True)
        self.of_critics.zero_grad()
        told = {"adversarial": first + second, "cycle": cycle, "identity": identity, "critic": torch.zeros(())}
        for net, real, fake in zip(self.critics, (after, before), fakes, strict=True):
            own = (_judged(net, real, True, loss)[0] + _judged(net, fake.detach(), False, loss)[0]) * 0.5
            own.backward()
            told["critic"] = told["critic"] + own.detach()
        self.of_critics.step()
        return told
