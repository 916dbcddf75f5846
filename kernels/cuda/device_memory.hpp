// Device memory and streams that give themselves back.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

#include "cuda/cuda_check.hpp"

namespace cnf::cuda_device {

// A destructor reports; it never throws.
inline void report(cudaError_t status, const char* call) noexcept {
  if (status != cudaSuccess && status != cudaErrorCudartUnloading)
    std::fprintf(stderr, "cnf_gpu: %s: %s\n", call, cudaGetErrorString(status));
}

class Stream {
 public:
  Stream() { CNF_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~Stream() { report(cudaStreamDestroy(stream_), "cudaStreamDestroy"); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  operator cudaStream_t() const { return stream_; }
  void wait() const { CNF_CUDA_CHECK(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

// A place in a stream's work that the host may wait for.
class Event {
 public:
  Event() { CNF_CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
  ~Event() { report(cudaEventDestroy(event_), "cudaEventDestroy"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Behind the work that the stream has been given so far.
  void record(const Stream& stream) const { CNF_CUDA_CHECK(cudaEventRecord(event_, stream)); }
  // For the work before the place recorded last; at once where none was.
  void wait() const { CNF_CUDA_CHECK(cudaEventSynchronize(event_)); }

 private:
  cudaEvent_t event_ = nullptr;
};

// An array on the device; grows on demand and forgets what it held when it does.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  explicit DeviceArray(std::size_t size) { reserve(size); }
  ~DeviceArray() { release(); }
  DeviceArray(DeviceArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  T* reserve(std::size_t size) {
    if (size > size_) {
      release();
      CNF_CUDA_CHECK(cudaMalloc(reinterpret_cast<void**>(&data_), size * sizeof(T)));
      size_ = size;
    }
    return data_;
  }
  T* get() const { return data_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

  // The stream is waited for: `from` may go once this returns.
  void upload(std::span<const T> from, const Stream& stream) {
    reserve(from.size());
    if (from.empty()) return;
    CNF_CUDA_CHECK(cudaMemcpyAsync(data_, from.data(), from.size_bytes(), cudaMemcpyHostToDevice, stream));
    stream.wait();
  }
  std::vector<T> download(std::size_t count, const Stream& stream) const {
    std::vector<T> to(count);
    if (count == 0) return to;
    CNF_CUDA_CHECK(cudaMemcpyAsync(to.data(), data_, count * sizeof(T), cudaMemcpyDeviceToHost, stream));
    stream.wait();
    return to;
  }
  void clear(const Stream& stream) {
    if (size_ > 0) CNF_CUDA_CHECK(cudaMemsetAsync(data_, 0, size_ * sizeof(T), stream));
  }

 private:
  void release() noexcept {
    if (data_ != nullptr) report(cudaFree(data_), "cudaFree");
    data_ = nullptr;
    size_ = 0;
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
};

// A value on the device and the pinned place that copies of it come to: the device goes on with its work meanwhile.
template <class T>
class ReportedValue {
 public:
  ReportedValue() {
    device_.reserve(1);
    CNF_CUDA_CHECK(cudaMallocHost(reinterpret_cast<void**>(&host_), sizeof(T)));
  }
  ~ReportedValue() { report(cudaFreeHost(host_), "cudaFreeHost"); }
  ReportedValue(const ReportedValue&) = delete;
  ReportedValue& operator=(const ReportedValue&) = delete;

  T* get() const { return device_.get(); }
  // Its first bytes become zero, behind the work that the stream has been given so far.
  void clear(const Stream& stream, std::size_t bytes = sizeof(T)) {
    CNF_CUDA_CHECK(cudaMemsetAsync(device_.get(), 0, bytes, stream));
  }
  // The first bytes of the value behind the work that the stream has been given so far.
  void send(const Stream& stream, std::size_t bytes = sizeof(T)) const {
    CNF_CUDA_CHECK(cudaMemcpyAsync(host_, device_.get(), bytes, cudaMemcpyDeviceToHost, stream));
    arrived_.record(stream);
  }
  // Waits for what was sent last.
  const T& received() const {
    arrived_.wait();
    return *host_;
  }

 private:
  DeviceArray<T> device_;
  T* host_ = nullptr;
  Event arrived_;
};

}  // namespace cnf::cuda_device
