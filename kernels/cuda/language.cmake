# Decides whether CUDA is built (CNF_HAVE_CUDA), enables the language, and names what a CUDA build links.
set(CNF_HAVE_CUDA OFF)
set(CNF_CUDA_LIBRARIES "")

function(cnf_find_cuda_compiler)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(CNF_NVCC nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES bin)
    mark_as_advanced(CNF_NVCC)
    if(CNF_NVCC)
      set(ENV{CUDACXX} ${CNF_NVCC})
    endif()
  endif()
  include(CheckLanguage)
  check_language(CUDA)
endfunction()

if(CNF_GPU_CUDA)
  cnf_find_cuda_compiler()
  if(CMAKE_CUDA_COMPILER)
    execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --version OUTPUT_VARIABLE cnf_nvcc_says)
    string(REGEX MATCH "release ([0-9.]+)" cnf_nvcc_release "${cnf_nvcc_says}")
    set(cnf_nvcc_version "${CMAKE_MATCH_1}")
    if(cnf_nvcc_version VERSION_GREATER_EQUAL 12.0)  # the first with C++20
      set(CNF_HAVE_CUDA ON)
    endif()
  endif()
  if(CNF_GPU_CUDA STREQUAL "ON" AND NOT CNF_HAVE_CUDA)
    message(FATAL_ERROR "CNF_GPU_CUDA=ON, but no CUDA compiler of release 12 or newer works here "
      "(found: '${CMAKE_CUDA_COMPILER}' ${cnf_nvcc_version}); install a toolkit, name one with CUDACXX=/path/to/nvcc, "
      "or build for the CPU with -DCNF_GPU_CUDA=OFF")
  endif()
endif()

if(NOT CNF_HAVE_CUDA)
  message(STATUS "CUDA: not built (CNF_GPU_CUDA=${CNF_GPU_CUDA}), CPU only")
  return()
endif()

# PTX that the driver compiles for the GPU at hand, when a kernel is first used: machine code for sm_80, sm_90 and sm_100
# takes ptxas over an hour. -DCMAKE_CUDA_ARCHITECTURES=native (or 80;90;100) makes it beforehand.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-virtual)
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
message(STATUS "CUDA: built with ${CMAKE_CUDA_COMPILER} ${cnf_nvcc_version} for ${CMAKE_CUDA_ARCHITECTURES}")

if("${CMAKE_CUDA_RUNTIME_LIBRARY}" STREQUAL "Shared")
  set(CNF_CUDA_LIBRARIES CUDA::cudart)
else()
  set(CNF_CUDA_LIBRARIES CUDA::cudart_static)
endif()
list(APPEND CNF_CUDA_LIBRARIES CUDA::cublas CUDA::curand)
