"""What a screen of racing, shooter and platformer shows: games seen from within or from the side."""

from bentos.game_classifier.screen import Colour, Screen

WHITE, BLACK = (245, 245, 245), (20, 20, 20)


def _land(screen: Screen) -> float:
    """Sky and ground of any season and hour; the height of the horizon."""
    horizon = screen.between(0.25, 0.55)
    screen.backdrop(screen.colour(0.6, 0.5, screen.between(0.2, 0.9)), screen.colour(vivid=0.3, light=0.8), horizon)
    for _ in range(screen.count(0, 7)):  # hills or houses
        x, wide, tall = screen.between(-0.1, 1), screen.between(0.05, 0.3), screen.between(0.03, 0.22)
        colour = screen.colour(vivid=0.3, light=0.45)
        if screen.chance(0.5):
            screen.shape([(x, horizon), (x + wide / 2, horizon - tall), (x + wide, horizon)], colour)
        else:
            screen.box(x, horizon - tall, x + wide * 0.6, horizon, colour)
    screen.box(0, horizon, 1, 1, screen.colour(screen.rng.choice([0.08, 0.15, 0.3, 0.35]), 0.5, 0.5))
    return horizon


def racing(screen: Screen) -> None:
    """A road to the horizon, cars on it, sometimes a dial and a bonnet."""
    horizon, end = _land(screen), screen.between(0.2, 0.8)
    middle, wide = screen.between(0.35, 0.65), screen.between(0.25, 0.6)
    road, stripe = screen.colour(vivid=0.1, light=0.4), screen.colour(0.14, 0.3, 0.95)
    screen.shape([(end - 0.015, horizon), (end + 0.015, horizon), (middle + wide, 1), (middle - wide, 1)], road)

    def on_road(across: float, near: float) -> tuple[float, float]:
        return end + (middle + across * wide - end) * near, horizon + (1 - horizon) * near

    for near in (0.08, 0.2, 0.38, 0.65):
        for lane in (-0.33, 0.33) if wide > 0.4 else (0.0,):
            screen.line([on_road(lane, near), on_road(lane, near * 1.35)], stripe, 0.02 * near + 0.004)
    for _ in range(screen.count(1, 5)):
        _car(screen, *on_road(screen.between(-0.7, 0.7), near := screen.between(0.1, 0.8)), near * 0.22)
    if screen.chance(0.5):
        _car(screen, screen.between(0.4, 0.6), 0.95, screen.between(0.16, 0.26))
    if screen.chance(0.45):
        x = screen.rng.choice([0.1, 0.88])
        screen.disc(x, 0.84, 0.12, BLACK, WHITE)
        screen.line(
            [(x, 0.84), (x + screen.between(-0.05, 0.05), 0.84 - screen.between(0.02, 0.09))], (230, 40, 40), 0.01
        )


def _car(screen: Screen, x: float, y: float, size: float) -> None:
    """A car from behind, its wheels at (x, y)."""
    paint, wide = screen.colour(vivid=0.8), size * 0.5
    screen.box(x - wide * 0.95, y - size * 0.2, x - wide * 0.55, y, BLACK)
    screen.box(x + wide * 0.55, y - size * 0.2, x + wide * 0.95, y, BLACK)
    screen.box(x - wide, y - size * 0.6, x + wide, y - size * 0.1, paint)
    screen.box(x - wide * 0.7, y - size, x + wide * 0.7, y - size * 0.55, paint)
    screen.box(x - wide * 0.55, y - size * 0.9, x + wide * 0.55, y - size * 0.6, (60, 80, 100))


def shooter(screen: Screen) -> None:
    """Seen over a weapon: land or a corridor, people or monsters in it, mostly a crosshair."""
    if screen.chance(0.5):
        horizon = _land(screen)
    else:
        horizon = screen.between(0.4, 0.55)
        _corridor(screen, screen.between(0.4, 0.6), horizon)
    for _ in range(screen.count(0, 4)):
        near = screen.between(0.1, 0.6)
        screen.figure(
            screen.between(0.1, 0.9), horizon + (1 - horizon) * near, 0.12 + near * 0.5, screen.colour(light=0.5)
        )
    metal, x, lean = screen.colour(vivid=0.15, light=0.3), screen.between(0.5, 0.75), screen.between(0.05, 0.2)
    if screen.chance(0.85):
        screen.shape([(x - lean, 0.62), (x - lean + 0.04, 0.6), (x + 0.22, 1), (x, 1)], metal)
        screen.shape([(x - 0.02, 0.8), (x + 0.05, 0.78), (x + 0.1, 1), (x, 1)], screen.colour(0.08, 0.4, 0.5))
    if screen.chance(0.75):
        sight, gap = screen.colour(vivid=0.8, light=0.95), screen.between(0.01, 0.03)
        for way in (-1, 1):
            screen.line([(0.5 + way * gap * 0.6, 0.5), (0.5 + way * (gap + 0.03) * 0.6, 0.5)], sight)
            screen.line([(0.5, 0.5 + way * gap), (0.5, 0.5 + way * (gap + 0.03))], sight)


def _corridor(screen: Screen, x: float, y: float) -> None:
    """Walls, ceiling and floor that meet in the distance."""
    far, hue = screen.between(0.05, 0.15), screen.between(0, 1)
    edges = [(x - far, y - far), (x + far, y - far), (x + far, y + far), (x - far, y + far)]
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    for side in range(4):
        colour = screen.colour(hue, 0.3, 0.35 + 0.1 * (side % 2))
        screen.shape([edges[side], edges[(side + 1) % 4], corners[(side + 1) % 4], corners[side]], colour)
    screen.box(*edges[0], *edges[2], screen.colour(hue, 0.3, 0.15))


def platformer(screen: Screen) -> None:
    """Seen from the side: ground with gaps, ledges, somebody who jumps, coins."""
    screen.backdrop(screen.colour(light=screen.between(0.3, 0.95)), screen.colour(vivid=0.3, light=0.8))
    for _ in range(screen.count(0, 5)):
        screen.disc(screen.between(0, 1), screen.between(0.1, 1), screen.between(0.05, 0.35), screen.colour(vivid=0.3))
    earth, grass = screen.colour(light=0.45), screen.colour(0.3, 0.7, 0.7)
    ground, block = screen.between(0.75, 0.92), screen.between(0.05, 0.09)
    for x in [step * block for step in range(round(1 / block) + 1)]:
        if not screen.chance(0.12):
            _block(screen, x, ground, block, 1 - ground, earth, grass)
    for _ in range(screen.count(2, 6)):
        x, y = screen.between(0, 0.85), screen.between(0.25, ground - 0.12)
        for step in range(screen.count(1, 5)):
            _block(screen, x + step * block, y, block, block, earth, grass)
            if screen.chance(0.35):
                screen.disc(x + (step + 0.5) * block, y - 0.06, 0.025, screen.colour(0.13, 0.9, 0.95), BLACK)
    screen.figure(screen.between(0.1, 0.9), ground - screen.rng.choice([0.0, 0.12]), 0.14, screen.colour(vivid=0.9))
    for _ in range(screen.count(0, 3)):
        screen.disc(screen.between(0, 1), ground - 0.035, 0.035, screen.colour(vivid=0.9), BLACK)


def _block(screen: Screen, x: float, y: float, wide: float, tall: float, earth: Colour, grass: Colour) -> None:
    screen.box(x, y, x + wide, y + tall, earth, BLACK)
    screen.box(x, y, x + wide, y + 0.02, grass)
