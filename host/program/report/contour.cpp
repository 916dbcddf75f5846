// Marching squares: each square of four neighbouring centres adds the pieces of line that cross it, chained to lines.
#include "contour.hpp"

#include <map>
#include <utility>
#include <vector>

namespace cnf::report {
namespace {

// An edge between neighbouring centres, by its lower left end: 2 * index + (1 if it goes up).
using Edge = std::size_t;

class Grid {
 public:
  Grid(std::span<const double> heights, std::size_t columns, double level)
      : heights_(heights), columns_(columns), rows_(heights.size() / columns), level_(level) {}

  // From each edge that the line crosses to the one where it leaves the square; the high side lies to the left.
  std::map<Edge, Edge> pieces() const {
    std::map<Edge, Edge> result;
    for (std::size_t row = 0; row + 1 < rows_; ++row) {
      for (std::size_t column = 0; column + 1 < columns_; ++column) add_square(row * columns_ + column, result);
    }
    return result;
  }

  // Where the line crosses the edge, by linear interpolation: (column, row).
  std::pair<double, double> crossing(Edge edge) const {
    const std::size_t a = edge / 2, b = edge % 2 ? a + columns_ : a + 1;
    const double share = (level_ - heights_[a]) / (heights_[b] - heights_[a]);
    const double column = static_cast<double>(a % columns_), row = static_cast<double>(a / columns_);
    return edge % 2 ? std::pair{column, row + share} : std::pair{column + share, row};
  }

 private:
  bool high(std::size_t i) const { return heights_[i] >= level_; }

  // Going round the square, the line enters where low turns to high and leaves at the next turn from high to low.
  void add_square(std::size_t i, std::map<Edge, Edge>& result) const {
    const std::size_t corners[] = {i, i + 1, i + columns_ + 1, i + columns_};
    const Edge edges[] = {2 * i, 2 * (i + 1) + 1, 2 * (i + columns_), 2 * i + 1};
    for (std::size_t k = 0; k < 4; ++k) {
      if (high(corners[k]) || !high(corners[(k + 1) % 4])) continue;
      std::size_t out = (k + 1) % 4;
      while (high(corners[(out + 1) % 4])) out = (out + 1) % 4;
      result.emplace(edges[k], edges[out]);
    }
  }

  std::span<const double> heights_;
  std::size_t columns_, rows_;
  double level_;
};

}  // namespace

Path contour(std::span<const double> heights, std::size_t columns, double level, const PlaceOfCell& place) {
  Path path;
  if (columns < 2 || heights.size() < 2 * columns) return path;
  const Grid grid(heights, columns, level);
  std::map<Edge, Edge> pieces = grid.pieces();
  const auto draw_to = [&](Edge edge) {
    const auto [column, row] = grid.crossing(edge);
    const auto [x, y] = place(column, row);
    path.line_to(x, y);
  };
  // Lines that begin at the border first: an edge no piece leads to is a start; what remains are rings.
  std::map<Edge, int> arrivals;
  for (const auto& [from, to] : pieces) ++arrivals[to];
  for (const bool rings : {false, true}) {
    for (auto start = pieces.begin(); start != pieces.end();) {
      if (!rings && arrivals.count(start->first) > 0) {
        ++start;
        continue;
      }
      const Edge first = start->first;
      draw_to(first);
      Edge edge = first;
      for (auto next = pieces.find(edge); next != pieces.end(); next = pieces.find(edge)) {
        edge = next->second;
        pieces.erase(next);
        if (edge == first) break;
        draw_to(edge);
      }
      edge == first ? path.close() : path.lift();
      start = pieces.upper_bound(first);
      if (rings) start = pieces.begin();
    }
  }
  return path;
}

}  // namespace cnf::report
