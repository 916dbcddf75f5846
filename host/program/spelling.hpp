// Guesses at what a misspelt word was meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cnf {

// The known word within two edits (three letters changed, added, left out would be another word); else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace cnf
