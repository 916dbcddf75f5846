// Each reader of files from strangers as a function of bytes. It may refuse them (Error), and do nothing else wrong.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace cnf::fuzz {

using Reader = void (*)(std::string_view bytes);

// By the name of the reader's folders in corpus/ and regressions/.
const std::map<std::string, Reader>& readers();

// Runs a reader. True where it took the bytes, false where it refused them. Any other exception goes on to the caller,
// and so does an Error whose message is not one line.
bool accepts(Reader reader, std::string_view bytes);

}  // namespace cnf::fuzz
