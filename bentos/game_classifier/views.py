"""What a screen of strategy, puzzle and sports shows: games seen from above or flat on the screen."""

from bentos.game_classifier.screen import Colour, Screen

WHITE, BLACK = (245, 245, 245), (20, 20, 20)


def strategy(screen: Screen) -> None:
    """A map from above: land and water, houses, troops with their health, often a panel of orders."""
    land = screen.colour(screen.rng.choice([0.1, 0.25, 0.33]), 0.5, 0.5)
    screen.box(0, 0, 1, 1, land)
    for _ in range(screen.count(6, 16)):  # woods, water, fields
        x, y, size = screen.between(0, 1), screen.between(0, 1), screen.between(0.04, 0.25)
        colour = screen.colour(screen.rng.choice([0.1, 0.3, 0.58]), 0.5, 0.45)
        if screen.chance(0.5):
            screen.disc(x, y, size, colour)
        else:
            screen.shape([(x - size, y), (x, y - size), (x + size, y), (x, y + size)], colour)
    if screen.chance(0.4):
        for step in range(1, cells := screen.count(6, 14)):
            screen.line([(step / cells, 0), (step / cells, 1)], BLACK, 0.003)
            screen.line([(0, step / cells), (1, step / cells)], BLACK, 0.003)
    sides = [screen.colour(vivid=0.9), screen.colour(vivid=0.9)]
    for _ in range(screen.count(2, 8)):
        _house(screen, screen.between(0.05, 0.9), screen.between(0.1, 0.75), screen.between(0.05, 0.1))
    for _ in range(screen.count(5, 22)):
        _troop(screen, screen.between(0.05, 0.95), screen.between(0.08, 0.9), sides[screen.count(0, 1)])
    if screen.chance(0.55):
        panel = screen.colour(vivid=0.3, light=0.25)
        screen.box(0, 0.78, 1, 1, panel)
        for step in range(screen.count(3, 8)):
            screen.box(0.3 + step * 0.08, 0.81, 0.36 + step * 0.08, 0.9, screen.colour(), BLACK)


def _house(screen: Screen, x: float, y: float, size: float) -> None:
    wall, roof = screen.colour(0.1, 0.3, 0.7), screen.colour(vivid=0.7, light=0.5)
    screen.box(x, y, x + size, y + size, wall, BLACK)
    screen.shape([(x - 0.01, y), (x + size / 2, y - size * 0.8), (x + size + 0.01, y)], roof)


def _troop(screen: Screen, x: float, y: float, side: Colour) -> None:
    screen.disc(x, y, 0.018, side, BLACK)
    if screen.chance(0.5):
        screen.box(x - 0.018, y - 0.045, x + 0.018 * screen.between(-0.5, 1), y - 0.035, (60, 220, 60))


def puzzle(screen: Screen) -> None:
    """A board of pieces: gems, numbers or falling blocks on a quiet background."""
    screen.backdrop(screen.colour(vivid=0.4, light=screen.between(0.2, 0.9)), screen.colour(vivid=0.4, light=0.5))
    columns, rows = screen.count(4, 10), screen.count(4, 9)
    tall = screen.between(0.7, 0.92) / rows
    wide = tall * screen.height / screen.width
    left, top = screen.between(0.02, max(0.03, 0.95 - columns * wide)), screen.between(0.02, 0.98 - rows * tall)
    screen.box(left - 0.01, top - 0.01, left + columns * wide, top + rows * tall, screen.colour(vivid=0.3, light=0.25))
    kinds = [screen.colour(vivid=0.8, light=0.85) for _ in range(screen.count(3, 7))]
    piece, filled = screen.rng.choice(["gem", "number", "block"]), screen.between(0.45, 1)
    for cell in range(columns * rows):
        x, y = left + cell % columns * wide, top + cell // columns * tall
        if screen.chance(filled if piece != "block" else filled * (cell // columns + 1) / rows):
            _piece(screen, x, y, wide, tall, kinds[screen.count(0, len(kinds) - 1)], str(piece))


def _piece(screen: Screen, x: float, y: float, wide: float, tall: float, colour: Colour, piece: str) -> None:
    if piece == "gem" and screen.chance(0.7):
        screen.disc(x + wide / 2, y + tall / 2, tall * 0.4, colour, WHITE)
    elif piece == "gem":
        middle = (x + wide / 2, y + tall / 2)
        points = [(middle[0], y), (x + wide * 0.9, middle[1]), (middle[0], y + tall * 0.9), (x, middle[1])]
        screen.shape(points, colour)
    else:
        screen.box(x, y, x + wide * 0.92, y + tall * 0.92, colour, BLACK if piece == "block" else None)
        if piece == "number":
            screen.text(x + wide * 0.2, y + tall * 0.15, str(2 ** screen.count(1, 9)), BLACK, tall * 0.5)


def sports(screen: Screen) -> None:
    """A pitch or a court with its lines, two teams, a ball, often the crowd."""
    crowd = screen.between(0.12, 0.35) if screen.chance(0.7) else 0.0
    ground = screen.colour(screen.rng.choice([0.08, 0.3, 0.33, 0.58]), 0.55, 0.6)
    screen.box(0, crowd, 1, 1, ground)
    if screen.chance(0.4):
        mown = (round(ground[0] * 0.85), round(ground[1] * 0.85), round(ground[2] * 0.85))
        for step in range(0, 10, 2):
            screen.box(step / 10, crowd, step / 10 + 0.1, 1, mown)
    if crowd:
        screen.box(0, 0, 1, crowd, screen.colour(vivid=0.2, light=0.3))
        for _ in range(screen.count(60, 160)):
            screen.disc(screen.between(0, 1), screen.between(0, crowd), 0.012, screen.colour(light=0.7))
    _lines(screen, crowd + screen.between(0.02, 0.1), screen.between(0, 0.25))
    teams = [screen.colour(vivid=0.9), screen.colour(vivid=0.9)]
    for number in range(screen.count(4, 14)):
        y = screen.between(crowd + 0.15, 0.97)
        screen.figure(screen.between(0.05, 0.95), y, 0.06 + 0.12 * y, teams[number % 2])
    screen.disc(screen.between(0.1, 0.9), screen.between(crowd + 0.1, 0.95), screen.between(0.012, 0.025), WHITE, BLACK)


def _lines(screen: Screen, top: float, slant: float) -> None:
    """The marks of the field, which leans away from whoever looks at it."""
    corners = [(0.05 + slant, top), (0.95 - slant, top), (1.05, 0.95), (-0.05, 0.95)]
    screen.line([*corners, corners[0]], WHITE, 0.008)
    screen.line([(0.5, top), (0.5, 0.95)], WHITE, 0.008)
    screen.disc(0.5, (top + 0.95) / 2, screen.between(0.08, 0.16), None, WHITE)
    if screen.chance(0.6):
        for x in (0.05 + slant / 2, 0.95 - slant / 2):
            inner = x + (0.12 if x < 0.5 else -0.12)
            screen.line([(x, top + 0.2), (inner, top + 0.2), (inner, 0.75), (x, 0.75)], WHITE, 0.008)
